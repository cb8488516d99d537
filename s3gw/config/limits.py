"""The section `[limits]`: the most that one request or one client may use.

Each limit is there so that an unauthenticated client cannot take memory, a connection or a
processor for long. Where S3 has an error for it, that is the response.
"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.declaration import setting
from s3gw.config.types import Seconds, Size, Whole
from s3gw.wire.xmldoc import MAX_DEPTH


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request, or one client, may use."""

    connections: int = setting(
        8192,
        "Connections that each worker keeps open; further ones are closed at once.",
        Whole(1, 1_000_000),
    )
    head_bytes: int = setting(
        64 << 10,
        "A request's first line and headers (RequestHeaderSectionTooLarge, or status 431).",
        Size(8 << 10, 1 << 20),
    )
    headers: int = setting(
        200, "Headers of a request (RequestHeaderSectionTooLarge).", Whole(20, 10_000)
    )
    head_s: float = setting(
        30.0, "How long a head may take, from its first byte (status 408).", Seconds(0.01, 3600)
    )
    body_stall_s: float = setting(
        60.0,
        "How long the server waits for `body_progress_bytes` more of a body (RequestTimeout); only "
        "time in which it waits for the client counts.",
        Seconds(0.01, 3600),
    )
    body_progress_bytes: int = setting(
        4096, "How much of a body has to arrive within `body_stall_s`.", Size(1, 16 << 20)
    )
    document_bytes: int = setting(
        8 << 20,
        "An XML document in a request (MaxMessageLengthExceeded); DeleteObjects with 1,000 names "
        "of 1,024 bytes, each written as a character reference, needs 8 MiB.",
        Size(64 << 10, 256 << 20),
    )
    document_depth: int = setting(
        MAX_DEPTH, "Elements within one another in an XML document (MalformedXML).", Whole(8, 200)
    )
    json_bytes: int = setting(
        16 << 20,
        "A JSON document in a request (MaxMessageLengthExceeded, or status 413).",
        Size(64 << 10, 256 << 20),
    )
    form_fields: int = setting(
        100, "Fields of a form that uploads (MaxPostPreDataLengthExceededError).", Whole(20, 10_000)
    )
    form_bytes: int = setting(
        20 << 10,
        "All of such a form before its file (MaxPostPreDataLengthExceededError); the default is "
        "AWS'.",
        Size(1 << 10, 1 << 20),
    )


DEFAULT_LIMITS = Limits()
