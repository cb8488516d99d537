"""S3 errors for failed proofs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from s3gw.sigv4.errors import SignatureMismatch
from s3gw.wire.errors import Code, S3Error

ONE_MECHANISM = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
    "string parameter or the Authorization header should be specified"
)
ONLY_V4 = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)


def refusal(code: Code, message: str | None, details: Mapping[str, str]) -> S3Error:
    """Return an error with details whose names are not identifiers, or that may be absent."""
    return S3Error(code, message, headers=None, **details)


def unsupported(authorization: str) -> S3Error:
    scheme, _, rest = authorization.partition(" ")
    if scheme.startswith("AWS4-") or (scheme == "AWS" and ":" in rest):
        return S3Error(Code.InvalidRequest, ONLY_V4)
    message = "Unsupported Authorization Type"
    if scheme == "AWS":
        message = "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"
    # AWS shows the value too, but it may be a bearer token.
    return S3Error(Code.InvalidArgument, message, ArgumentName="Authorization")


def header_malformed(problem: str, details: Mapping[str, str] | None = None) -> S3Error:
    message = f"The authorization header is malformed; {problem}"
    return refusal(Code.AuthorizationHeaderMalformed, message, details or {})


def not_signed(headers: Iterable[str]) -> S3Error:
    message = "There were headers present in the request which were not signed"
    return S3Error(Code.AccessDenied, message, HeadersNotSigned=", ".join(headers))


def does_not_match(error: SignatureMismatch, access_key: str) -> S3Error:
    details = {
        "AWSAccessKeyId": access_key,
        "StringToSign": error.string_to_sign,
        "SignatureProvided": error.provided,
        "StringToSignBytes": _octets(error.string_to_sign.encode("utf-8", "surrogateescape")),
    }
    if error.canonical_request:
        details["CanonicalRequest"] = error.canonical_request
        details["CanonicalRequestBytes"] = _octets(error.canonical_request.encode("latin-1"))
    return refusal(Code.SignatureDoesNotMatch, None, details)


def _octets(text: bytes) -> str:
    """Return the bytes as AWS shows them, so that a client can find the first that differs."""
    return text.hex(" ")
