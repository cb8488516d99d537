"""S3's error XML."""

from __future__ import annotations

import re

from s3gw.wire.errors import S3Error
from s3gw.wire.xmldoc import DECLARATION, escape

# Not allowed in XML 1.0, not even as a reference: a client must be able to read the error.
_UNSPEAKABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def error_document(error: S3Error, resource: str, request_id: str) -> bytes:
    """Return the document. Unlike S3's other documents it has no namespace."""
    parts = {
        "Code": error.code.wire,
        "Message": error.message,
        **error.details,
        "Resource": resource,
        "RequestId": request_id,
        "HostId": request_id,
    }
    inside = "".join(f"<{name}>{escape(speakable(text))}</{name}>" for name, text in parts.items())
    return f"{DECLARATION}<Error>{inside}</Error>".encode()


def speakable(text: str) -> str:
    """Return the text with U+FFFD for what XML cannot carry, before it is escaped."""
    return _UNSPEAKABLE.sub("\ufffd", text)
