"""The canonical request: its exact spelling, for client and server to sign.

    <method> LF <path> LF <query> LF (<header>:<value> LF)... LF <signed headers> LF <payload hash>

It is built from the bytes that were sent. S3 encodes a path once and never normalises it: `//`,
`.` and `..` stay. Each byte has one spelling: itself when it is unreserved, else `%XX` in upper
case; so `%7e` becomes `~` and a bare `(` becomes `%28`. A query parameter without `=` is signed as
`name=`, and `+` is a space. Header values lose outer spaces and fold inner ones.

A `%2F` in the path is a slash, as AWS shows in its errors: the SDKs for Java sign the slashes of a
key as they are, and send `//` as `/%2F` because their HTTP library would make one slash of two. A
client may also sign the `%2F` that it sends. Either names the same object, for a path is decoded
once: the bucket ends at the first bare slash, a bucket with a slash in it is refused, and in the
key both are a slash. `%252F` is another key.

Header values come decoded as latin-1, and go back the same way: what is hashed is what was sent.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from s3gw.sigv4.errors import AuthorizationMalformed, Malformed

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
MAX_SIGNED_HEADERS_CHARS = 4096
# How the names of headers begin that tell the server what to do: a signature must cover them.
COMMANDING = ("x-amz-", "x-s3gw-")

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
_PATH_BYTES = _UNRESERVED + b"/"
_QUERY_BYTES = _UNRESERVED + b"&="
_HEX = "0123456789ABCDEFabcdef"


def _spelling(byte: int) -> bytes:
    return bytes([byte]) if byte in _UNRESERVED else b"%%%02X" % byte


# The canonical spelling of every escape, and the escapes that are already spelt so.
_ESCAPES = {(a + b).encode(): _spelling(int(a + b, 16)) for a in _HEX for b in _HEX}
_CANONICAL_ESCAPES = frozenset(
    digits for digits, spelling in _ESCAPES.items() if spelling == b"%" + digits
)


# How each byte is spelt where those bytes are plain.
_SPELLINGS = {
    plain: [bytes([byte]) if byte in plain else b"%%%02X" % byte for byte in range(256)]
    for plain in (_PATH_BYTES, _QUERY_BYTES)
}


class Sent(Protocol):
    """A request as it was sent; header names in lower case, repeated headers joined with commas."""

    @property
    def method(self) -> str: ...
    @property
    def raw_path(self) -> bytes: ...
    @property
    def query_string(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class SignedHeaders(Struct, frozen=True):
    """The header names that a signature covers: sorted, as a set, and as they are written."""

    names: tuple[str, ...]
    members: frozenset[str]
    text: str


@lru_cache(maxsize=512)
def parse_signed_headers(text: str) -> SignedHeaders:
    """Read `host;x-amz-date`. The cache is small because clients have few habits."""
    if not text or not text.isascii() or len(text) > MAX_SIGNED_HEADERS_CHARS:
        raise AuthorizationMalformed(Malformed.SIGNED_HEADERS, "the SignedHeaders are mal-formed.")
    names = tuple(sorted(text.lower().split(";")))
    return SignedHeaders(names, frozenset(names), ";".join(names))


def unsigned_headers(headers: Mapping[str, str], signed: SignedHeaders) -> list[str]:
    """Return the headers that the signature should cover but does not: `host`, and all that tell
    this server what to do."""
    members = signed.members
    missing = [name for name in headers if name not in members and name.startswith(COMMANDING)]
    return missing if "host" in members else ["host", *missing]


def canonical_requests(request: Sent, signed: SignedHeaders, payload_hash: str) -> list[str]:
    """Return the requests that a client may have signed; AWS' form is the first."""
    sent = _sent_path(request.raw_path)
    if "%2F" not in sent:
        return [canonical_request(request, signed, payload_hash, sent)]
    paths = (_with_slashes(sent), sent)
    return [canonical_request(request, signed, payload_hash, path) for path in paths]


def canonical_request(
    request: Sent, signed: SignedHeaders, payload_hash: str, path: str | None = None
) -> str:
    """Return the request in AWS' form, or with that spelling of its path."""
    path = canonical_path(request.raw_path) if path is None else path
    headers = request.headers
    lines = [f"{name}:{_folded(headers.get(name, ''))}\n" for name in signed.names]
    return (
        f"{request.method}\n{path}\n"
        f"{canonical_query(request.query_string)}\n{''.join(lines)}\n{signed.text}\n{payload_hash}"
    )


def canonical_path(raw_path: bytes) -> str:
    return _with_slashes(_sent_path(raw_path))


def _sent_path(raw_path: bytes) -> str:
    return _encoded(raw_path, _PATH_BYTES) or "/"


def _with_slashes(path: str) -> str:
    return path.replace("%2F", "/")


def canonical_query(query_string: bytes) -> str:
    """Return the query sorted by encoded name, then by encoded value; without the signature."""
    if not query_string:
        return ""
    if b"+" in query_string:
        query_string = query_string.replace(b"+", b"%20")
    items = [item.partition("=") for item in _encoded(query_string, _QUERY_BYTES).split("&")]
    pairs = [(name, value.replace("=", "%3D")) for name, equals, value in items if name or equals]
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs if name != "X-Amz-Signature"])


def _encoded(raw: bytes, plain: bytes) -> str:
    """Return the canonical spelling of `raw`; the bytes in `plain` are not escaped."""
    left = raw.translate(None, plain)
    if not left:
        return raw.decode("ascii")
    if not left.strip(b"%"):
        escapes = {escape[:2] for escape in raw.split(b"%")[1:]}
        if escapes <= _CANONICAL_ESCAPES:
            return raw.decode("ascii")
    return _reencoded(raw, plain).decode("ascii")


def _reencoded(raw: bytes, plain: bytes) -> bytes:
    head, *escapes = raw.split(b"%")
    pieces = [_plain_encoded(head, plain)]
    for escape in escapes:
        spelling = _ESCAPES.get(escape[:2])
        if spelling is None:  # A lone `%` is a byte like any other.
            pieces += b"%25", _plain_encoded(escape, plain)
        else:
            pieces += spelling, _plain_encoded(escape[2:], plain)
    return b"".join(pieces)


def _plain_encoded(raw: bytes, plain: bytes) -> bytes:
    if not raw.translate(None, plain):
        return raw
    return b"".join(map(_SPELLINGS[plain].__getitem__, raw))


def _folded(value: str) -> str:
    """Fold ASCII white space only: 0xA0 and 0x85 are parts of UTF-8 characters here."""
    if value.isascii():
        return " ".join(value.split())
    return b" ".join(value.encode("latin-1").split()).decode("latin-1")
