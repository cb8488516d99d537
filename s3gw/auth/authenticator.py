"""Authentication of S3 requests: signature, form, bearer token, or anonymous.

`s3gw.sigv4` knows how requests are signed; this module has the order in which a proof is read, so
that each failure is the error that AWS would answer. A caller without a proof is anonymous, and
access control decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from s3gw.auth.bearer import bearer, bearer_token, looks_like_jwt, not_in_token_place, refuse_jwt
from s3gw.auth.body import (
    CONTENT_SHA256,
    CONTENT_SHA256_PARAMETER,
    declared_payload,
    expect_payload,
    expect_unchained_payload,
    expect_unverified_payload,
)
from s3gw.auth.credentials import CredentialStore
from s3gw.auth.expiry import check_skew, check_validity, check_validity_v2, header_timestamp
from s3gw.auth.form import Form, form_signature, read_form
from s3gw.auth.keys import Keys
from s3gw.auth.options import AuthOptions
from s3gw.auth.query_headers import apply_query_headers, read_query_headers
from s3gw.auth.refusals import (
    ONE_MECHANISM,
    ONLY_V4,
    does_not_match,
    header_malformed,
    not_signed,
    unsupported,
)
from s3gw.auth.version4 import Regions, chunk_verifier, require_signature
from s3gw.http.request import MOUNT
from s3gw.identity.accounts import AccessKey, Accounts, Principal
from s3gw.sigv4.canonical import UNSIGNED_PAYLOAD
from s3gw.sigv4.errors import AuthorizationMalformed, SignatureMismatch
from s3gw.sigv4.form import FormSignature, verify_form
from s3gw.sigv4.header import parse_authorization
from s3gw.sigv4.payload import CHAINED
from s3gw.sigv4.query import Presigned, is_presigned, parse_presigned
from s3gw.sigv4.scope import ALGORITHM, Credential
from s3gw.sigv4.v2 import is_presigned_v2, parse_presigned_v2, resource_paths, verify_v2
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.subresources import SIGNED_BY_V2

if TYPE_CHECKING:
    from s3gw.http.request import Request
    from s3gw.identity.tokens.protocol import TokenVerifier

_NS = 1_000_000_000
_TOKEN = "x-amz-security-token"
_TOKEN_PARAMETER = "X-Amz-Security-Token"
# No client signs these with Version 2.
_UNKNOWN_TO_V2 = "x-s3gw-"
_TWO_TOKENS = "The request has two security tokens, one of them in its query: send only one."


class Proof(Struct, frozen=True):
    """Who the caller of a request is, and the form that proved it, where one did."""

    principal: Principal
    form: Form | None = None


class Authenticator:
    def __init__(
        self,
        accounts: Accounts,
        options: AuthOptions,
        keys: Keys | None = None,
        tokens: TokenVerifier | None = None,
    ) -> None:
        self._accounts = accounts
        self._options = options
        self._keys = keys or Keys(CredentialStore(accounts))
        self._tokens = tokens
        self._regions = Regions(options.region_names)

    async def authenticate(self, request: Request, *, by_form: bool = False) -> Proof:
        """Return the caller, and prepare the body as the request's head declares it.

        `by_form` says that the request's operation is the one whose proof is in the fields of a
        form: a form authorizes nothing else, whatever the type of the request's body.
        """
        if by_form:
            return await self._by_form(request)
        return Proof(await self._by_head(request))

    async def _by_head(self, request: Request) -> Principal:
        by_v4 = bool(request.query) and is_presigned(request.query)
        in_query = by_v4 or (bool(request.query) and is_presigned_v2(request.query))
        if self._options.no_auth:
            if in_query:
                apply_query_headers(request, read_query_headers(request))
            expect_unverified_payload(request)
            return self._accounts.unproven_root
        authorization = request.headers.get("authorization", "")
        if authorization and in_query:
            raise S3Error(Code.InvalidArgument, ONE_MECHANISM, ArgumentName="Authorization")
        if authorization.startswith(ALGORITHM):
            return await self._by_header(request, authorization)
        if authorization:
            return await self._by_bearer(request, authorization)
        if not in_query:
            expect_unchained_payload(request)
            return Principal.anonymous()
        found = await (self._by_query if by_v4 else self._by_v2_query)(request)
        return self._proven(found)

    async def _by_header(self, request: Request, text: str) -> Principal:
        try:
            authorization = parse_authorization(text)
        except AuthorizationMalformed as error:
            raise header_malformed(str(error)) from None
        payload = declared_payload(request.headers.get(CONTENT_SHA256))
        if payload is None:
            message = f"Missing required header for this request: {CONTENT_SHA256}"
            raise S3Error(Code.InvalidRequest, message)
        timestamp = header_timestamp(request.headers)
        check_skew(self._now_s(), request.headers, timestamp)
        credential, token = authorization.credential, request.headers.get(_TOKEN)
        found = self._accounts.find(credential.access_key) if token is None else None
        if found is None:
            if token is not None and await self._is_instead(credential, token):
                return await self._by_jwt(request, token)
            found = await self._keys.find(credential.access_key, token)
        self._regions.check_header(credential, timestamp)
        key = require_signature(request, authorization, timestamp, payload, found.secret)
        chained = payload in CHAINED
        verifier = chunk_verifier(key, timestamp, authorization) if chained else None
        expect_payload(request, payload, verifier)
        return self._proven(found)

    async def _by_bearer(self, request: Request, authorization: str) -> Principal:
        token = bearer_token(authorization)
        if token is None or self._tokens is None:
            raise unsupported(authorization)
        principal = await bearer(self._tokens, token)
        expect_unchained_payload(request)
        return principal

    async def _is_instead(self, credential: Credential, token: str) -> bool:
        """Whether the token is a JWT, and so replaces the whole signature."""
        return looks_like_jwt(token) and not await self._keys.knows(credential.access_key)

    async def _by_jwt(self, request: Request, token: str) -> Principal:
        if self._tokens is None or not self._options.allow_s3_token_compat:
            raise not_in_token_place()
        principal = await bearer(self._tokens, token)
        expect_unverified_payload(request)
        return principal

    async def _by_query(self, request: Request) -> AccessKey:
        try:
            presigned = parse_presigned(request.query)
        except AuthorizationMalformed as error:
            raise S3Error(Code.AuthorizationQueryParametersError, str(error)) from None
        declared = request.query.get(CONTENT_SHA256_PARAMETER, request.headers.get(CONTENT_SHA256))
        payload = declared_payload(declared)
        credential, timestamp = presigned.credential, presigned.timestamp
        found = await self._find(credential.access_key, _token_of(request, _TOKEN_PARAMETER))
        self._regions.check_parameter(credential, timestamp)
        check_validity(self._now_s(), presigned)
        covered = (
            CONTENT_SHA256_PARAMETER in request.query or CONTENT_SHA256 in presigned.signed.members
        )
        signed = payload if payload and covered else UNSIGNED_PAYLOAD
        values = read_query_headers(request)
        sent = _with_signed(request, presigned, values)
        key = require_signature(sent, presigned, timestamp, signed, found.secret)
        apply_query_headers(request, values)
        chained = payload in CHAINED
        verifier = chunk_verifier(key, timestamp, presigned) if chained else None
        expect_payload(request, payload, verifier)
        return found

    async def _by_v2_query(self, request: Request) -> AccessKey:
        if not self._options.allow_sigv2_query:
            raise S3Error(Code.InvalidRequest, ONLY_V4)
        try:
            presigned = parse_presigned_v2(request.query)
        except AuthorizationMalformed as error:
            raise S3Error(Code.AccessDenied, str(error)) from None
        found = await self._find(presigned.access_key, _token_of(request, _TOKEN))
        check_validity_v2(self._now_s(), presigned)
        paths = resource_paths(request.raw_path, request.host_bucket, MOUNT)
        if added := [name for name in request.headers if name.startswith(_UNKNOWN_TO_V2)]:
            raise not_signed(added)
        try:
            verify_v2(found.secret, request, presigned, paths, SIGNED_BY_V2)
        except SignatureMismatch as error:
            raise does_not_match(error, presigned.access_key) from None
        apply_query_headers(request, read_query_headers(request))
        expect_unchained_payload(request)
        return found

    async def _by_form(self, request: Request) -> Proof:
        """Authenticate by the form's fields, which sign its policy; the request is not signed."""
        form = await read_form(request)
        accounts = self._accounts
        principal = accounts.unproven_root if self._options.no_auth else await self._signer(form)
        form.read_policy(self._now_s())
        return Proof(principal, form)

    async def _signer(self, form: Form) -> Principal:
        signed = form_signature(form)
        if signed is None:
            return Principal.anonymous()
        found = await self._find(signed.access_key, form.fields.get(_TOKEN))
        if isinstance(signed, FormSignature):
            self._regions.check_parameter(signed.credential, signed.timestamp)
        elif not self._options.allow_sigv2_query:
            raise S3Error(Code.InvalidRequest, ONLY_V4)
        try:
            verify_form(found.secret, signed)
        except SignatureMismatch as error:
            raise does_not_match(error, signed.access_key) from None
        return self._proven(found)

    async def _find(self, access_key: str, token: str | None) -> AccessKey:
        """Return the key for a signature that must be checked, with any kind of token."""
        refuse_jwt(token)
        return await self._keys.find(access_key, token)

    def _proven(self, found: AccessKey) -> Principal:
        if found.principal.user:
            self._keys.note_use(found)
        return found.principal

    def _now_s(self) -> int:
        return self._options.clock.now_ns() // _NS


def _with_signed(request: Request, presigned: Presigned, values: Mapping[str, str]) -> Request:
    """Return the request with the signed headers that are in its query only: the SDK for JavaScript
    2 signs encryption in both places, and AWS asks for it in one."""
    names = [name for name in values if name in presigned.signed.members]
    missing = {name: values[name] for name in names if name not in request.headers}
    return replace(request, headers={**request.headers, **missing}) if missing else request


def _token_of(request: Request, parameter: str) -> str | None:
    """Return the session token of a presigned URL. In a header it must be signed, as every `x-amz-`
    header; two tokens are refused as ambiguous."""
    in_query, in_header = request.query.get(parameter), request.headers.get(_TOKEN)
    if in_query is not None and in_header is not None and in_query != in_header:
        raise S3Error(Code.InvalidToken, _TWO_TOKENS)
    return in_header if in_query is None else in_query
