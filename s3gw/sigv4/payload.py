"""Values of `x-amz-content-sha256`: a hash, or a word for the payload's encoding.

    <64 hex digits>                                the payload has this SHA-256
    UNSIGNED-PAYLOAD                               anything
    STREAMING-AWS4-HMAC-SHA256-PAYLOAD             aws-chunked, each chunk signed
    STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER     the same, with signed trailers
    STREAMING-UNSIGNED-PAYLOAD-TRAILER             aws-chunked with trailers, nothing signed

The text itself, as it was sent, is the last line of the canonical request. The same words with
ECDSA belong to Signature Version 4A, and that is not supported.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

from collections.abc import Mapping

from s3gw.sigv4.canonical import UNSIGNED_PAYLOAD

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHAINED = frozenset((SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER))
ECDSA = frozenset(
    (
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
    )
)

_WORDS = CHAINED | {UNSIGNED_PAYLOAD, UNSIGNED_CHUNKS_TRAILER}


def is_payload(text: str) -> bool:
    """Whether this is a word from the list or the hex of a SHA-256."""
    return text in _WORDS or _is_sha256(text)


def is_chunked(headers: Mapping[str, str]) -> bool:
    """Whether Content-Encoding declares an aws-chunked body: an unsigned request of an SDK does so
    without a word in `x-amz-content-sha256`."""
    encodings = headers.get("content-encoding", "").lower().split(",")
    return any(encoding.strip() == "aws-chunked" for encoding in encodings)


def announced_trailers(headers: Mapping[str, str]) -> list[str]:
    names = headers.get("x-amz-trailer", "").lower().split(",")
    return [name.strip() for name in names if name.strip()]


def _is_sha256(text: str) -> bool:
    try:
        return len(text) == 64 and len(bytes.fromhex(text)) == 32
    except ValueError:
        return False
