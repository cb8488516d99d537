"""S3's error XML."""

from __future__ import annotations

import re

from s3gw.telemetry.request_id import host_id
from s3gw.wire.errors import S3Error
from s3gw.wire.xmldoc import DECLARATION, escape

# Not allowed in XML 1.0, not even as a reference: a client must be able to read the error.
_UNSPEAKABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def error_document(error: S3Error, request_id: str) -> bytes:
    """Return the document. Unlike S3's other documents it has no namespace; AWS does not repeat the
    path in it, whatever its documentation shows."""
    parts = {
        "Code": error.code.wire,
        "Message": error.message,
        **error.details,
        "RequestId": request_id,
        "HostId": host_id(request_id),
    }
    inside = "".join(f"<{name}>{escape(speakable(text))}</{name}>" for name, text in parts.items())
    return f"{DECLARATION}<Error>{inside}</Error>".encode()


def speakable(text: str) -> str:
    """Return the text with U+FFFD for what XML cannot carry, before it is escaped."""
    return _UNSPEAKABLE.sub("\ufffd", text)
