"""Headers of downloads: read, sealed in a job's record, opened.

They often are credentials, so they are at rest only under the key that seals users' secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from s3gw.identity.vault import Vault

MOST_HEADERS = 64
MOST_BYTES = 16 << 10
_SEALED_AS = "/jobs/download/headers"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
# They are the server's own: it resumes, asks whether an object is still the same, and keeps the
# bytes as they are sent.
_OURS = frozenset(
    """accept-encoding connection content-length content-type expect host if-match
    if-modified-since if-none-match if-range if-unmodified-since keep-alive proxy-authorization
    proxy-connection range te trailer transfer-encoding upgrade""".split()  # noqa: SIM905
)


class BadHeaders(ValueError):
    """Headers that cannot be sent; the text says why, without their values."""


def read_headers(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request's document, where values are texts or lists of texts. Raise
    `BadHeaders`."""
    if len(given) > MOST_HEADERS:
        raise BadHeaders(f"{len(given)} headers are more than {MOST_HEADERS}")
    headers = {name: _value(name, value) for name, value in given.items()}
    if sum(len(name) + len(value) for name, value in headers.items()) > MOST_BYTES:
        raise BadHeaders(f"the headers have more than {MOST_BYTES} bytes")
    return headers


def _value(name: str, value: Any) -> str:
    if not _NAME.fullmatch(name):
        raise BadHeaders(f"invalid name of a header {name[:64]!r}")
    if name.lower() in _OURS:
        raise BadHeaders(f"the header {name!r} is the server's own")
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(each, str) and _VALUE.fullmatch(each) for each in values):
        raise BadHeaders(f"the header {name!r} must have a text of ASCII, or a list of these")
    return ", ".join(each.strip() for each in values)


def sealed_headers(headers: Mapping[str, str], vault: Vault) -> bytes:
    """Return the headers as a job's record has them; empty for none."""
    return vault.seal(_SEALED_AS, msgspec.json.encode(headers)) if headers else b""


def opened_headers(sealed: bytes, vault: Vault) -> Mapping[str, str]:
    """Raise `VaultError` when they were sealed under another key."""
    if not sealed:
        return {}
    return msgspec.json.decode(vault.open(_SEALED_AS, sealed), type=dict[str, str])
