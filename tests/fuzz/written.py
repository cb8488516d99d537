"""A whole request as one text, which can be changed at any place and read again.

METHOD PATH?QUERY
name: value

the body
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.fuzz.front_door import Headers

_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NO_TARGET = re.compile(rb"[\x00-\x20\x7f]")
# Written by the server's own parser, or by who sends.
_OURS = (b"content-length", b"transfer-encoding")


@dataclass
class Written:
    method: str
    path: bytes
    query: bytes
    headers: Headers = field(default_factory=list)
    body: bytes = b""


def read(text: bytes) -> Written:
    """What an HTTP parser lets through of the text."""
    head, _, body = text.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.partition(b" ")
    path, _, query = _NO_TARGET.sub(b"", target).partition(b"?")
    found = _METHOD.match(method)
    written = Written(found[0].decode() if found else "GET", path or b"/", query, [], body)
    for line in lines:
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if _NAME.fullmatch(name) and name not in _OURS:
            written.headers.append((name, _NO_VALUE.sub(b"", value).strip()))
    return written
