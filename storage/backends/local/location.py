"""The bytes of a row's range: inline, or where in blobs."""

from __future__ import annotations

from storage.backends.local.reading import BlobRange, segments_of
from storage.backends.local.rows import Chunked, Empty, Inline, Row, Single, decode_manifest
from storage.cipher import INLINE, FrameCipher
from storage.errors import Corrupt, PartNotFound
from storage.ranges import Between, PartNumber, Want, resolve


def span_of(row: Row, payload: bytes | None, want: Want | None) -> Between:
    """The bytes that a reader wants. Raises `RangeNotSatisfiable`, `PartNotFound`."""
    if isinstance(want, PartNumber):
        return _part_span(row, payload, want.number)
    return resolve(want, row.size)


def locate(
    row: Row, payload: bytes | None, span: Between, data_key: bytes | None
) -> bytes | BlobRange:
    """The bytes of that span, decrypted, if they are in the index; else where they are in blobs.
    `payload` is the row's; `data_key` is None for an object that is not encrypted."""
    if span.start >= span.stop:
        return b""
    match row.location:
        case Empty():
            return b""
        case Inline():
            if payload is None:
                raise _incomplete(row)
            if data_key is not None:
                payload = FrameCipher(data_key, INLINE).open(payload, 0, last=True)
            return payload if len(payload) == len(span) else payload[span.start : span.stop]
        case Single(chunk):
            return BlobRange([(chunk, span)], "", data_key)
        case Chunked(sidecar):
            if payload is None:
                raise _incomplete(row)
            return BlobRange(segments_of(decode_manifest(payload), span), sidecar, data_key)


def _incomplete(row: Row) -> Corrupt:
    return Corrupt(f"the index lacks the payload of a row of {row.size} bytes")


def _part_span(row: Row, payload: bytes | None, number: int) -> Between:
    if not row.parts or payload is None:
        if number != 1:
            raise PartNotFound(number)
        return Between(0, row.size)
    start = 0
    for info in decode_manifest(payload).uploads():
        if info.number == number:
            return Between(start, start + info.size)
        start += info.size
    raise PartNotFound(number)
