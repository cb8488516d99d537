"""Compact serialization of tokens: three parts in base64url, read strictly.

Each token must have one spelling, or revoking one would leave the other valid: so base64url is
accepted in its canonical form only. JSON with a member twice is refused, because two readers could
see two documents.

https://www.rfc-editor.org/rfc/rfc7515 (section 3.1, the compact serialization)
"""

from __future__ import annotations

import base64
import json
from typing import Any, NoReturn

from msgspec import Struct

from s3gw.identity.tokens.protocol import TokenError

# Headers of requests end at 64 KiB; tokens of issuers with many groups have some 8 KiB.
MAX_TOKEN_BYTES = 16 << 10


class Compact(Struct, frozen=True):
    """A parsed token, not to be trusted until its signature is verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])

    @property
    def key_id(self) -> str:
        return str(self.header.get("kid", ""))


def read_compact(token: str) -> Compact:
    """Parse a token. Raises `TokenError`."""
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenError(f"the token is longer than {MAX_TOKEN_BYTES} bytes")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenError("the token is not a JWT: it must have three parts")
    header = read_object(_decoded(parts[0]), "the token's header")
    _check_header(header)
    claims = read_object(_decoded(parts[1]), "the token's claims")
    signing_input = f"{parts[0]}.{parts[1]}".encode("ascii")
    return Compact(header, claims, signing_input, _decoded(parts[2]))


def read_object(text: bytes, what: str) -> dict[str, Any]:
    """Parse an untrusted JSON object. Raises `TokenError`, with `what` in its text."""
    try:
        read = text.decode("utf-8")
        found = json.loads(read, object_pairs_hook=_unique, parse_constant=_no_number)
        if "\\u" in read:
            # An escaped half of a surrogate pair parses, but cannot be encoded again.
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise TokenError(f"{what}: no good JSON") from None
    if not isinstance(found, dict):
        raise TokenError(f"{what}: no JSON object")
    return found


def encoded(part: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii")


def _decoded(part: str) -> bytes:
    try:
        found = base64.urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    except ValueError:
        found = b""
    if encoded(found) != part:
        raise TokenError("the token is not a JWT: a part is not base64url")
    return found


def _check_header(header: dict[str, Any]) -> None:
    """Refuse extensions that must be understood (`crit`, `b64`). `typ`, `cty`, and the sender's own
    keys (`jku`, `jwk`, `x5u`, `x5c`) are ignored."""
    if not isinstance(header.get("alg"), str):
        raise TokenError("the token's header names no algorithm")
    if not isinstance(header.get("kid", ""), str):
        raise TokenError("the token's key id is not a text")
    if "crit" in header or "b64" in header:
        raise TokenError("the token needs an extension that is not understood here")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
