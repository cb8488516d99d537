"""AWS' event stream: framed messages with headers and checksums.

    total length (4)  length of the headers (4)  CRC-32 of these 8 bytes (4)
    headers  payload  CRC-32 of all before it (4)

Integers are big-endian. A header is the length of its name (1), the name, its type (1: 7 is text),
the length of the value (2) and the value.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from zlib import crc32

_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_NAME = struct.Struct(">B")
_VALUE = struct.Struct(">BH")
_TEXT = 7
_LONGEST = 65535
_AROUND = _PRELUDE.size + 2 * _CRC.size
CONTENT_TYPE = "application/vnd.amazon.eventstream"


def message(headers: Mapping[str, str], payload: bytes = b"") -> bytes:
    written = b"".join(map(_header, headers, headers.values()))
    prelude = _PRELUDE.pack(_AROUND + len(written) + len(payload), len(written))
    start = prelude + _CRC.pack(crc32(prelude)) + written + payload
    return start + _CRC.pack(crc32(start))


def _header(name: str, value: str) -> bytes:
    label, text = name.encode(), value.encode()[:_LONGEST]
    return b"".join((_NAME.pack(len(label)), label, _VALUE.pack(_TEXT, len(text)), text))


def event(name: str, content_type: str = "", payload: bytes = b"") -> bytes:
    """Return an event's message."""
    headers = {":event-type": name, ":content-type": content_type, ":message-type": "event"}
    return message({key: value for key, value in headers.items() if value}, payload)


def error(code: str, text: str) -> bytes:
    """Return the message of an error, the last of a stream."""
    return message({":error-code": code, ":error-message": text, ":message-type": "error"})
