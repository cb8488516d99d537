"""Signature Version 4 in the query: a presigned URL.

    ?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=<...>&X-Amz-Date=<yyyymmddThhmmssZ>
    &X-Amz-Expires=<seconds>&X-Amz-SignedHeaders=<a;b;c>&X-Amz-Signature=<hex>

All other parameters are signed too. The URL is valid from its date for X-Amz-Expires, at most a
week. The payload is unknown when the URL is signed: its hash is the word UNSIGNED-PAYLOAD, unless
the URL or a signed header has one.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from s3gw.sigv4.canonical import SignedHeaders, parse_signed_headers
from s3gw.sigv4.errors import AuthorizationMalformed, Malformed
from s3gw.sigv4.scope import (
    ALGORITHM,
    SERVICE,
    Credential,
    Timestamp,
    parse_credential,
    parse_timestamp,
)
from storage.digits import read_digits

MAX_EXPIRES_S = 604_800

# The parameters of every presigned URL.
REQUIRED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)


class Presigned(Struct, frozen=True):
    credential: Credential
    signed: SignedHeaders
    signature: str
    timestamp: Timestamp
    expires_s: int


def is_presigned(query: Mapping[str, str]) -> bool:
    return "X-Amz-Algorithm" in query or "X-Amz-Signature" in query or "X-Amz-Credential" in query


def parse_presigned(query: Mapping[str, str], service: str = SERVICE) -> Presigned:
    """Read the parameters, of a URL of that service. Raises `AuthorizationMalformed`."""
    try:
        algorithm, credential, signature, date, signed, expires = [query[n] for n in REQUIRED]
    except KeyError:
        raise AuthorizationMalformed(
            Malformed.COMPONENTS,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters.",
        ) from None
    if algorithm != ALGORITHM:
        raise AuthorizationMalformed(
            Malformed.ALGORITHM, f'X-Amz-Algorithm only supports "{ALGORITHM}"'
        )
    timestamp = parse_timestamp(date)
    if timestamp is None:
        raise AuthorizationMalformed(
            Malformed.DATE,
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        )
    return Presigned(
        _credential(credential, service),
        parse_signed_headers(signed),
        signature,
        timestamp,
        _expires(expires),
    )


def _credential(text: str, service: str) -> Credential:
    try:
        return parse_credential(text, service)
    except AuthorizationMalformed as error:
        message = f"Error parsing the X-Amz-Credential parameter; {error}"
        raise AuthorizationMalformed(error.reason, message) from None


def _expires(text: str) -> int:
    """Read the seconds. Zero is valid: such a URL has expired at once."""
    seconds = read_digits(text.removeprefix("-"))
    if seconds is None:
        raise AuthorizationMalformed(Malformed.EXPIRES, "X-Amz-Expires should be a number")
    if text.startswith("-"):
        raise AuthorizationMalformed(Malformed.EXPIRES, "X-Amz-Expires must be non-negative")
    if seconds > MAX_EXPIRES_S:
        raise AuthorizationMalformed(
            Malformed.EXPIRES,
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            f"X-Amz-Expires must be less than {MAX_EXPIRES_S} seconds",
        )
    return seconds
