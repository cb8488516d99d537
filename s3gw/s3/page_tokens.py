"""Continuation tokens of listings: where a page ended, and a checksum.

The checksum tells a token from any other text; it protects nothing, since who may list may begin
anywhere.
"""

from __future__ import annotations

import base64
from zlib import crc32

from s3gw.wire.errors import Code, S3Error

_SUM_BYTES = 4


def new_token(after: str) -> str:
    raw = after.encode()
    return base64.urlsafe_b64encode(crc32(raw).to_bytes(_SUM_BYTES, "big") + raw).decode()


def read_token(token: str) -> str:
    """Return where the page ended. Raise `InvalidArgument` for any other text."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        after = raw[_SUM_BYTES:].decode()
    except ValueError:
        raw, after = b"", ""
    if not after or raw[:_SUM_BYTES] != crc32(raw[_SUM_BYTES:]).to_bytes(_SUM_BYTES, "big"):
        message = "The continuation token provided is incorrect"
        raise S3Error(Code.InvalidArgument, message, ArgumentName="continuation-token")
    return after
