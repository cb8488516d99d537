"""The credential scope, the signing key, and the signature itself.

    credential       <access key>/<yyyymmdd>/<region>/<service>/aws4_request
    signing key      HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request")
    string to sign   AWS4-HMAC-SHA256 LF <timestamp> LF <scope> LF hex(SHA256(canonical request))
    signature        hex(HMAC(signing key, string to sign))

The service is `s3`, or `sts` for requests about credentials.

A signing key is valid for a day and a region, so it is cached: that saves four HMACs a request. Any
region is accepted, even an empty one: clients of other servers send `auto`, `US` or nothing. An
access key may have slashes, so the credential is parsed from its end.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from msgspec import Struct

from s3gw.sigv4.errors import AuthorizationMalformed, Malformed, SignatureMismatch

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
SERVICE = "s3"
STS = "sts"
TERMINAL = "aws4_request"
MAX_CREDENTIAL_CHARS = 512

# Of HMAC with SHA-256, for keys that are no longer than a block.
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))

_CREDENTIAL_FORM = '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"'


class Credential(Struct, frozen=True):
    """The signer's access key and the signature's scope; `scope` is its text."""

    access_key: str
    date: str
    region: str
    scope: str
    service: str = SERVICE


class Timestamp(Struct, frozen=True):
    """A time of signing: as text for the string to sign, and in seconds since the epoch."""

    text: str
    epoch_s: int


@lru_cache(maxsize=1024)
def parse_credential(text: str, expected: str = SERVICE) -> Credential:
    """Read a credential for that service. Raises `AuthorizationMalformed`."""
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or not parts[0] or len(text) > MAX_CREDENTIAL_CHARS:
        raise _bad(f"the Credential is mal-formed; expecting {_CREDENTIAL_FORM}.")
    access_key, date, region, service, terminal = parts
    if len(date) != 8 or not (date.isascii() and date.isdigit()):
        raise _bad(
            f'incorrect date format "{date}". This date in the credential must be in the format '
            '"yyyyMMdd".'
        )
    if service != expected:
        raise _bad(f'incorrect service "{service}". This endpoint belongs to "{expected}".')
    if terminal != TERMINAL:
        raise _bad(f'incorrect terminal "{terminal}". This endpoint uses "{TERMINAL}".')
    scope = f"{date}/{region}/{service}/{terminal}"
    return Credential(access_key, date, region, scope, service)


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str = SERVICE) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, TERMINAL):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def verify_signature(
    key: bytes, timestamp: Timestamp, scope: str, requests: Sequence[str], provided: str
) -> None:
    """Raise `SignatureMismatch` unless `provided` signs one of the canonical requests."""
    for request in requests:
        if same(sign(key, _string_to_sign(timestamp, scope, request)), provided):
            return
    first = requests[0]
    raise SignatureMismatch(provided, _string_to_sign(timestamp, scope, first), first)


def _string_to_sign(timestamp: Timestamp, scope: str, request: str) -> str:
    digest = hashlib.sha256(request.encode("latin-1")).hexdigest()
    return f"{ALGORITHM}\n{timestamp.text}\n{scope}\n{digest}"


def sign(key: bytes, text: str) -> str:
    """Return the HMAC in hex. Half of an HMAC is the key's, and remembered with it."""
    inner, outer = _states(key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(text.encode())
    outer.update(inner.digest())
    return outer.hexdigest()


@lru_cache(maxsize=1024)
def _states(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Return the inner and the outer hash of an HMAC after its key (RFC 2104)."""
    block = key.ljust(_BLOCK, b"\0")
    return hashlib.sha256(block.translate(_INNER)), hashlib.sha256(block.translate(_OUTER))


def same(expected: str, provided: str) -> bool:
    """Compare in constant time. What a client sends may hold any character."""
    return hmac.compare_digest(expected.encode(), provided.encode("utf-8", "replace"))


def parse_timestamp(text: str) -> Timestamp | None:
    """Read `yyyymmddThhmmssZ`, or None when it is anything else."""
    return _parse_timestamp(text) if len(text) == 16 else None


@lru_cache(maxsize=1024)
def _parse_timestamp(text: str) -> Timestamp | None:
    if text[8] != "T" or text[15] != "Z" or not text.isascii():
        return None
    if not (text[:8].isdigit() and text[9:15].isdigit()):
        return None
    try:
        return Timestamp(text, int(datetime.fromisoformat(text).timestamp()))
    except ValueError:
        return None


def parse_date(text: str) -> Timestamp | None:
    """Read a Date header in either format; its zone may be missing (`-0000`)."""
    if timestamp := parse_timestamp(text):
        return timestamp
    try:
        date = parsedate_to_datetime(text)
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Timestamp(f"{date:%Y%m%dT%H%M%SZ}", int(date.timestamp()))


def _bad(message: str) -> AuthorizationMalformed:
    return AuthorizationMalformed(Malformed.CREDENTIAL, message)
