"""The bytes of a row's range: inline, or where in blobs."""

from __future__ import annotations

import hashlib

import xxhash

from storage.blobs.blob import read_footer
from storage.blobs.folder import BlobFolder
from storage.blobs.labels import PartLabel, SidecarLabel
from storage.blobs.reading import BlobRange, segments_of
from storage.cipher import INLINE, FrameCipher
from storage.errors import Corrupt, PartNotFound
from storage.index.rows import Chunked, Empty, Inline, Row, Single, decode_manifest, encode
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
            require_right(row.location, payload)
            if data_key is not None:
                payload = FrameCipher(data_key, INLINE).open(payload, 0, last=True)
            return payload if len(payload) == len(span) else payload[span.start : span.stop]
        case Single(chunk):
            return BlobRange([(chunk, span)], "", data_key)
        case Chunked(sidecar):
            if payload is None:
                raise _incomplete(row)
            return BlobRange(segments_of(decode_manifest(payload), span), sidecar, data_key)


def digest_of(payload: bytes) -> bytes:
    """What the row keeps of the bytes in the index: a lost page of theirs may read as zeros."""
    return xxhash.xxh3_64_digest(payload)


def require_right(location: Inline, payload: bytes) -> None:
    """Raises `Corrupt`. Old rows have no digest."""
    if location.digest and digest_of(payload) != location.digest:
        raise Corrupt("the bytes in the index do not match their digest")


def is_right(row: Row, payload: bytes | None) -> bool:
    """False when the bytes in the index are not those of the row. Old rows have no digest."""
    if payload is None or not isinstance(row.location, Inline) or not row.location.digest:
        return True
    return digest_of(payload) == row.location.digest


def is_proven(row: Row, payload: bytes | None, folder: BlobFolder) -> bool:
    """Whether a row that may be wrong anywhere has the right bytes."""
    blob = row.own_blob()
    if blob is None:
        return isinstance(row.location, Inline) and payload is not None and _proves(row, payload)
    try:
        label = read_footer(folder.blob(blob)).label
    except (OSError, Corrupt):
        return False
    if isinstance(label, PartLabel) or (label.row.etag, label.row.size) != (row.etag, row.size):
        return False
    return not isinstance(label, SidecarLabel) or encode(label.manifest) == payload


def _proves(row: Row, payload: bytes) -> bool:
    if isinstance(row.location, Inline) and row.location.digest:
        return digest_of(payload) == row.location.digest
    digest = hashlib.md5(payload, usedforsecurity=False).hexdigest()
    return len(payload) == row.size and digest == row.etag


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
    raise PartNotFound(number, row.parts)
