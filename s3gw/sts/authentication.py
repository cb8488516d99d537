"""Authentication of STS requests: Signature Version 4 in header or query.

The signature covers the body's hash, calculated here without need for a header. A bearer token is
accepted in the same places as in S3, but only for GetCallerIdentity: for temporary keys it is sent
to AssumeRoleWithWebIdentity, without a signature.
"""

from __future__ import annotations

import hashlib

from msgspec import Struct

from s3gw.auth.bearer import bearer, bearer_token, looks_like_jwt, not_in_token_place
from s3gw.auth.expiry import check_skew, check_validity, header_timestamp
from s3gw.auth.keys import Keys
from s3gw.auth.options import AuthOptions
from s3gw.auth.refusals import ONE_MECHANISM, header_malformed, unsupported
from s3gw.auth.version4 import Regions, require_signature
from s3gw.identity.accounts import AccessKey, Principal
from s3gw.identity.tokens.protocol import TokenVerifier
from s3gw.sigv4.errors import AuthorizationMalformed
from s3gw.sigv4.header import parse_authorization
from s3gw.sigv4.query import is_presigned, parse_presigned
from s3gw.sigv4.scope import ALGORITHM, STS
from s3gw.sts.request import StsRequest
from s3gw.wire.errors import Code, S3Error

_NS = 1_000_000_000
_TOKEN = "x-amz-security-token"
_TOKEN_PARAMETER = "X-Amz-Security-Token"


class StsCaller(Struct, frozen=True):
    """`parent` is the lasting access key that signed, or that requested the session; may be
    empty."""

    principal: Principal
    parent: str = ""


ANONYMOUS = StsCaller(Principal.anonymous())


class StsAuthenticator:
    """Raises the errors of `s3gw.auth`."""

    def __init__(self, keys: Keys, options: AuthOptions, tokens: TokenVerifier | None) -> None:
        self._keys = keys
        self._options = options
        self._tokens = tokens
        self._regions = Regions(options.region_names)

    async def authenticate(self, request: StsRequest) -> StsCaller:
        if self._options.no_auth:
            root = self._keys.credentials.accounts.root
            return StsCaller(root, root.access_key)
        authorization = request.headers.get("authorization", "")
        in_query = is_presigned(request.query)
        if authorization and in_query:
            raise S3Error(Code.InvalidArgument, ONE_MECHANISM)
        if authorization.startswith(ALGORITHM):
            return await self._by_header(request, authorization)
        if authorization:
            return await self._by_bearer(authorization)
        return await self._by_query(request) if in_query else ANONYMOUS

    async def _by_header(self, request: StsRequest, text: str) -> StsCaller:
        try:
            authorization = parse_authorization(text, STS)
        except AuthorizationMalformed as error:
            raise header_malformed(str(error)) from None
        timestamp = header_timestamp(request.headers)
        check_skew(self._now_s(), request.headers, timestamp)
        credential, token = authorization.credential, request.headers.get(_TOKEN)
        if token is not None and looks_like_jwt(token):
            return await self._by_jwt(credential.access_key, token)
        found = await self._keys.find(credential.access_key, token)
        self._regions.check_header(credential, timestamp)
        require_signature(request, authorization, timestamp, _hash(request), found.secret)
        return self._proven(found, token)

    async def _by_query(self, request: StsRequest) -> StsCaller:
        try:
            presigned = parse_presigned(request.query, STS)
        except AuthorizationMalformed as error:
            raise S3Error(Code.AuthorizationQueryParametersError, str(error)) from None
        credential, timestamp = presigned.credential, presigned.timestamp
        token = request.query.get(_TOKEN_PARAMETER)
        found = await self._keys.find(credential.access_key, token)
        self._regions.check_parameter(credential, timestamp)
        check_validity(self._now_s(), presigned)
        require_signature(request, presigned, timestamp, _hash(request), found.secret)
        return self._proven(found, token)

    async def _by_bearer(self, authorization: str) -> StsCaller:
        token = bearer_token(authorization)
        if token is None or self._tokens is None:
            raise unsupported(authorization)
        return StsCaller(await bearer(self._tokens, token))

    async def _by_jwt(self, access_key: str, token: str) -> StsCaller:
        """Authenticate a request of an SDK with a JWT as its session token."""
        if await self._keys.knows(access_key):
            raise S3Error(Code.InvalidToken)
        if self._tokens is None or not self._options.allow_s3_token_compat:
            raise not_in_token_place()
        return StsCaller(await bearer(self._tokens, token))

    def _proven(self, found: AccessKey, token: str | None) -> StsCaller:
        self._keys.note_use(found)
        if token is None:
            return StsCaller(found.principal, found.principal.access_key)
        return StsCaller(found.principal, self._keys.parent(token))

    def _now_s(self) -> int:
        return self._options.clock.now_ns() // _NS


def _hash(request: StsRequest) -> str:
    return hashlib.sha256(request.body).hexdigest()
