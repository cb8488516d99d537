"""Shared Key signatures of requests (Azure's "Authorize with Shared Key", version 2015-02-21 on).

What is signed is the method, eleven standard headers in their order, every `x-ms-` header, and the
account with path and query of the URL; a length of 0 is signed as nothing.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def authorization(
    account: str,
    key: str,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> str:
    """Return the `Authorization` of a request. `path` is as it is sent, `query` is not encoded, and
    names of `headers` are in lower case."""
    text = string_to_sign(account, method, path, query, headers).encode()
    signature = b64encode(hmac.digest(b64decode(key), text, "sha256")).decode()
    return f"SharedKey {account}:{signature}"


def string_to_sign(
    account: str,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> str:
    lines = [method]
    for name in _SIGNED:
        value = headers.get(name, "")
        lines.append("" if name == "content-length" and value == "0" else value)
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-ms-")]
    lines.append(f"/{account}{path}")
    pairs = sorted((name.lower(), value) for name, value in query.items())
    lines += [f"{name}:{value}" for name, value in pairs]
    return "\n".join(lines)
