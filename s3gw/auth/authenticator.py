"""Who is asking: every way of signing a request ends in one `Principal`.

A request proves its caller in the Authorization header (Signature Version 4), in its query (Version
4 or Version 2), in the fields of the form that it posts, or not at all: then the caller is
anonymous, and access control decides. The
signature also says what the body must be, so authentication sets `call.content_sha256` for a
payload with a known hash, and puts the aws-chunked decoder before `call.body` for a streamed one.

`s3gw.sigv4` knows how requests are signed; here stands who signs, and which error of S3 each
failure is. The regions of credential scopes are free unless the options name some.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3gw.accounts import AccessKey, Accounts, Principal
from s3gw.errors import Code, S3Error
from s3gw.form import Form, form_signature, is_form, read_form
from s3gw.sigv4.canonical import (
    UNSIGNED_PAYLOAD,
    SignedHeaders,
    canonical_request,
    unsigned_headers,
)
from s3gw.sigv4.chunked import ChunkedDecoder, ChunkVerifier
from s3gw.sigv4.errors import AuthorizationMalformed, Broken, ChunkedError, SignatureMismatch
from s3gw.sigv4.form import FormSignature, verify_form
from s3gw.sigv4.header import parse_authorization
from s3gw.sigv4.payload import (
    CHAINED,
    ECDSA,
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED_CHUNKS_TRAILER,
    announced_trailers,
    is_chunked,
    is_payload,
)
from s3gw.sigv4.query import Presigned, is_presigned, parse_presigned
from s3gw.sigv4.scope import (
    ALGORITHM,
    Credential,
    Timestamp,
    parse_date,
    parse_timestamp,
    signing_key,
    verify_signature,
)
from s3gw.sigv4.v2 import (
    PresignedV2,
    is_presigned_v2,
    parse_presigned_v2,
    resource_paths,
    verify_v2,
)
from storage.clock import Clock, SystemClock

if TYPE_CHECKING:
    from s3gw.message import Call

MAX_SKEW_S = 15 * 60
# S3 is answered here as well as at the root.
MOUNT = b"/s3"

_NS = 1_000_000_000
_CONTENT_SHA256 = "x-amz-content-sha256"
_CONTENT_SHA256_PARAMETER = "X-Amz-Content-Sha256"
_DECODED_LENGTH = "x-amz-decoded-content-length"

_ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
    "string parameter or the Authorization header should be specified"
)
_ONLY_V4 = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)
_NO_DATE = "AWS authentication requires a valid Date or x-amz-date header"
_NOT_SIGNED = "There were headers present in the request which were not signed"
_BAD_CONTENT_SHA256 = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER "
    "or a valid sha256 value."
)
_BROKEN: Mapping[Broken, tuple[Code, str | None]] = {
    Broken.FRAMING: (Code.IncompleteBody, "The request body is not well-formed aws-chunked."),
    Broken.LENGTH: (Code.IncompleteBody, None),
    Broken.SIGNATURE: (Code.SignatureDoesNotMatch, None),
    Broken.TRAILERS: (Code.MalformedTrailerError, None),
    Broken.TRUNCATED: (Code.IncompleteBody, "The request body terminated unexpectedly"),
}


@dataclass(frozen=True, slots=True)
class AuthOptions:
    """What is accepted. Without `region_names` every region is; the first one is ours."""

    region_names: tuple[str, ...] = ()
    allow_sigv2_query: bool = True
    no_auth: bool = False
    clock: Clock = field(default_factory=SystemClock)


class Authenticator:
    def __init__(self, accounts: Accounts, options: AuthOptions) -> None:
        self._accounts = accounts
        self._options = options
        # s3cmd signs its first call with the region `US`, by which it means us-east-1.
        aliases = ("US",) if "us-east-1" in options.region_names else ()
        self._regions = frozenset(options.region_names + aliases)

    async def authenticate(self, call: Call) -> Principal:
        """Say who asks, and prepare the body for what its head promises."""
        if is_form(call):
            return await self._by_form(call)
        if self._options.no_auth:
            _expect_payload(call, _declared_payload(call.headers.get(_CONTENT_SHA256)), None)
            return self._accounts.root
        authorization = call.headers.get("authorization", "")
        in_query = bool(call.query) and (is_presigned(call.query) or is_presigned_v2(call.query))
        if authorization and in_query:
            raise S3Error(Code.InvalidArgument, _ONE_MECHANISM, ArgumentName="Authorization")
        if authorization:
            return self._by_header(call, authorization)
        if not in_query:
            _expect_unchained_payload(call)
            return Principal.anonymous()
        return self._by_query(call) if is_presigned(call.query) else self._by_v2_query(call)

    def _by_header(self, call: Call, text: str) -> Principal:
        if not text.startswith(ALGORITHM):
            raise _unsupported(text)
        try:
            authorization = parse_authorization(text)
        except AuthorizationMalformed as error:
            raise _header_malformed(str(error)) from None
        _refuse_tokens(call)
        payload = _declared_payload(call.headers.get(_CONTENT_SHA256))
        if payload is None:
            message = f"Missing required header for this request: {_CONTENT_SHA256}"
            raise S3Error(Code.InvalidRequest, message)
        timestamp = _header_timestamp(call.headers)
        self._check_skew(call.headers, timestamp)
        credential = authorization.credential
        found = self._find(credential.access_key)
        if problem := self._scope_problem(credential, timestamp):
            raise _header_malformed(problem, self._region_detail(credential))
        _require_signed(call.headers, authorization.signed)
        key = signing_key(found.secret, credential.date, credential.region)
        request = canonical_request(call, authorization.signed, payload)
        _verify(key, timestamp, credential, request, authorization.signature)
        _expect_payload(
            call, payload, _verifier(key, timestamp, credential, authorization.signature)
        )
        return found.principal

    def _by_query(self, call: Call) -> Principal:
        try:
            presigned = parse_presigned(call.query)
        except AuthorizationMalformed as error:
            raise S3Error(Code.AuthorizationQueryParametersError, str(error)) from None
        _refuse_tokens(call)
        declared = call.query.get(_CONTENT_SHA256_PARAMETER, call.headers.get(_CONTENT_SHA256))
        payload = _declared_payload(declared)
        credential, timestamp = presigned.credential, presigned.timestamp
        found = self._find(credential.access_key)
        self._check_scope(credential, timestamp)
        self._check_validity(presigned)
        _require_signed(call.headers, presigned.signed)
        key = signing_key(found.secret, credential.date, credential.region)
        request = canonical_request(call, presigned.signed, payload or UNSIGNED_PAYLOAD)
        _verify(key, timestamp, credential, request, presigned.signature)
        _expect_payload(call, payload, _verifier(key, timestamp, credential, presigned.signature))
        return found.principal

    def _by_v2_query(self, call: Call) -> Principal:
        if not self._options.allow_sigv2_query:
            raise S3Error(Code.InvalidRequest, _ONLY_V4)
        try:
            presigned = parse_presigned_v2(call.query)
        except AuthorizationMalformed as error:
            raise S3Error(Code.AccessDenied, str(error)) from None
        _refuse_tokens(call)
        found = self._find(presigned.access_key)
        self._check_validity_v2(presigned)
        paths = resource_paths(call.raw_path, call.host_bucket, MOUNT)
        try:
            verify_v2(found.secret, call, presigned, paths)
        except SignatureMismatch as error:
            raise _does_not_match(error, presigned.access_key) from None
        _expect_unchained_payload(call)
        return found.principal

    async def _by_form(self, call: Call) -> Principal:
        """The request itself is not signed: the fields of its form sign the form's policy."""
        form = call.form = await read_form(call)
        principal = self._accounts.root if self._options.no_auth else self._signer(form)
        form.read_policy(self._now_s())
        return principal

    def _signer(self, form: Form) -> Principal:
        signed = form_signature(form)
        if signed is None:
            return Principal.anonymous()
        found = self._find(signed.access_key)
        if isinstance(signed, FormSignature):
            self._check_scope(signed.credential, signed.timestamp)
        elif not self._options.allow_sigv2_query:
            raise S3Error(Code.InvalidRequest, _ONLY_V4)
        try:
            verify_form(found.secret, signed)
        except SignatureMismatch as error:
            raise _does_not_match(error, signed.access_key) from None
        return found.principal

    def _find(self, access_key: str) -> AccessKey:
        found = self._accounts.find(access_key)
        if found is None:
            raise S3Error(Code.InvalidAccessKeyId, AWSAccessKeyId=access_key)
        return found

    def _scope_problem(self, credential: Credential, timestamp: Timestamp) -> str | None:
        if not timestamp.text.startswith(credential.date):
            return (
                f'Invalid credential date "{credential.date}". This date is not the same as '
                f'X-Amz-Date: "{timestamp.text[:8]}".'
            )
        if self._is_foreign(credential.region):
            return (
                f"the region '{credential.region}' is wrong; expecting "
                f"'{self._options.region_names[0]}'"
            )
        return None

    def _check_scope(self, credential: Credential, timestamp: Timestamp) -> None:
        """Of a credential that stands in a query or in a form."""
        if problem := self._scope_problem(credential, timestamp):
            message = f"Error parsing the X-Amz-Credential parameter; {problem}"
            details = self._region_detail(credential)
            raise _error(Code.AuthorizationQueryParametersError, message, details)

    def _region_detail(self, credential: Credential) -> dict[str, str]:
        """What tells SDKs to try again with another region."""
        foreign = self._is_foreign(credential.region)
        return {"Region": self._options.region_names[0]} if foreign else {}

    def _is_foreign(self, region: str) -> bool:
        return bool(self._regions) and region not in self._regions

    def _check_skew(self, headers: Mapping[str, str], timestamp: Timestamp) -> None:
        now_s = self._now_s()
        if abs(now_s - timestamp.epoch_s) > MAX_SKEW_S:
            raise S3Error(
                Code.RequestTimeTooSkewed,
                RequestTime=headers.get("x-amz-date") or headers.get("date", ""),
                ServerTime=_iso(now_s),
                MaxAllowedSkewMilliseconds=str(MAX_SKEW_S * 1000),
            )

    def _check_validity(self, presigned: Presigned) -> None:
        now_s = self._now_s()
        issued_s = presigned.timestamp.epoch_s
        if issued_s - now_s > MAX_SKEW_S:
            details = {"X-Amz-Date": presigned.timestamp.text, "ServerTime": _iso(now_s)}
            raise _error(Code.AccessDenied, "Request is not valid yet", details)
        expires_s = issued_s + presigned.expires_s
        if now_s >= expires_s:
            details = {
                "X-Amz-Expires": str(presigned.expires_s),
                "Expires": _iso(expires_s),
                "ServerTime": _iso(now_s),
            }
            raise _error(Code.AccessDenied, "Request has expired", details)

    def _check_validity_v2(self, presigned: PresignedV2) -> None:
        now_s = self._now_s()
        if now_s >= presigned.expires_s:
            details = {"Expires": _iso(presigned.expires_s), "ServerTime": _iso(now_s)}
            raise _error(Code.AccessDenied, "Request has expired", details)

    def _now_s(self) -> int:
        return self._options.clock.now_ns() // _NS


def _unsupported(authorization: str) -> S3Error:
    scheme, _, rest = authorization.partition(" ")
    if scheme.startswith("AWS4-") or (scheme == "AWS" and ":" in rest):
        return S3Error(Code.InvalidRequest, _ONLY_V4)
    message = "Unsupported Authorization Type"
    if scheme == "AWS":
        message = "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"
    # AWS shows the value too, but it may be somebody's bearer token.
    return S3Error(Code.InvalidArgument, message, ArgumentName="Authorization")


def _header_malformed(problem: str, details: Mapping[str, str] | None = None) -> S3Error:
    message = f"The authorization header is malformed; {problem}"
    return _error(Code.AuthorizationHeaderMalformed, message, details or {})


def _refuse_tokens(call: Call) -> None:
    """We issue no session tokens, so whatever is sent is not one of ours."""
    if "x-amz-security-token" in call.headers or "X-Amz-Security-Token" in call.query:
        raise S3Error(Code.InvalidToken)
    if "x-amz-security-token" in call.query:
        raise S3Error(Code.InvalidToken)


def _header_timestamp(headers: Mapping[str, str]) -> Timestamp:
    text = headers.get("x-amz-date")
    timestamp = parse_timestamp(text) if text else parse_date(headers.get("date", ""))
    if timestamp is None:
        raise S3Error(Code.AccessDenied, _NO_DATE)
    return timestamp


def _require_signed(headers: Mapping[str, str], signed: SignedHeaders) -> None:
    if missing := unsigned_headers(headers, signed):
        raise S3Error(Code.AccessDenied, _NOT_SIGNED, HeadersNotSigned=", ".join(missing))


def _verify(
    key: bytes, timestamp: Timestamp, credential: Credential, request: str, provided: str
) -> None:
    try:
        verify_signature(key, timestamp, credential.scope, request, provided)
    except SignatureMismatch as error:
        raise _does_not_match(error, credential.access_key) from None


def _does_not_match(error: SignatureMismatch, access_key: str) -> S3Error:
    details = {
        "AWSAccessKeyId": access_key,
        "StringToSign": error.string_to_sign,
        "SignatureProvided": error.provided,
    }
    if error.canonical_request:
        details["CanonicalRequest"] = error.canonical_request
    return _error(Code.SignatureDoesNotMatch, None, details)


def _declared_payload(text: str | None) -> str | None:
    """What the request says of its payload: a word, a hex digest, or nothing."""
    if text is None or is_payload(text):
        return text
    if text in ECDSA:
        raise S3Error(Code.NotImplemented)
    raise S3Error(
        Code.InvalidArgument,
        _BAD_CONTENT_SHA256,
        ArgumentName=_CONTENT_SHA256,
        ArgumentValue=text,
    )


def _verifier(key: bytes, timestamp: Timestamp, credential: Credential, seed: str) -> ChunkVerifier:
    return ChunkVerifier(key, timestamp.text, credential.scope, seed)


def _expect_unchained_payload(call: Call) -> None:
    """Prepare the body of a request without a seed signature."""
    payload = _declared_payload(call.headers.get(_CONTENT_SHA256))
    if payload in CHAINED:
        raise S3Error(Code.InvalidRequest, f"{payload} needs Signature Version 4.")
    _expect_payload(call, payload, None)


def _expect_payload(call: Call, payload: str | None, verifier: ChunkVerifier | None) -> None:
    """Prepare the body for what the head says of it."""
    if payload is None:
        # Unsigned and presigned uploads of SDKs are chunked without that header.
        if _DECODED_LENGTH in call.headers and is_chunked(call.headers):
            _decode_body(call, announced_trailers(call.headers), None)
    elif payload == SIGNED_CHUNKS:
        _decode_body(call, (), verifier)
    elif payload == SIGNED_CHUNKS_TRAILER:
        _decode_body(call, announced_trailers(call.headers), verifier)
    elif payload == UNSIGNED_CHUNKS_TRAILER:
        _decode_body(call, announced_trailers(call.headers), None)
    elif payload != UNSIGNED_PAYLOAD:
        call.content_sha256 = payload.lower()


def _decode_body(call: Call, announced: Iterable[str], verifier: ChunkVerifier | None) -> None:
    text = call.headers.get(_DECODED_LENGTH)
    if text is None:
        raise S3Error(Code.MissingContentLength)
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise S3Error(Code.InvalidArgument, ArgumentName=_DECODED_LENGTH, ArgumentValue=text)
    call.decoded_length = int(text)
    decoder = ChunkedDecoder(call.decoded_length, announced, verifier)
    call.body = _decoded(call.body, decoder, call.trailers)


async def _decoded(
    body: AsyncIterator[bytes], decoder: ChunkedDecoder, trailers: dict[str, str]
) -> AsyncIterator[bytes]:
    try:
        async for piece in body:
            for payload in decoder.feed(piece):
                yield payload
        decoder.close()
    except ChunkedError as error:
        raise S3Error(*_BROKEN[error.reason]) from None
    trailers.update(decoder.trailers)


def _error(code: Code, message: str | None, details: Mapping[str, str]) -> S3Error:
    """For details whose names are no identifiers, or whose presence depends."""
    return S3Error(code, message, headers=None, **details)


def _iso(epoch_s: int) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
