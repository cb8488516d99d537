"""Steps that several mutations share, on one name or one upload."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from storage.errors import Corrupt
from storage.index.rows import Chunked, Manifest, PartRow, Row, Single, decode_manifest
from storage.index.transaction import Payload, Place, Transaction, UploadKey
from storage.index.versions import Home, Stored, delete_marker
from storage.values import NULL_VERSION


async def place_of(transaction: Transaction, home: Home, name: bytes) -> Place:
    """Find where a new version goes. Another gives way to it unless the bucket keeps all: the null
    version, wherever in the order it is."""
    current = await transaction.find(home.key, name)
    if home.keeps or current is None:
        return Place(current, None)
    if current.row.version == NULL_VERSION:
        return Place(current, current)
    return Place(current, await transaction.find(home.key, name, NULL_VERSION))


async def put(
    transaction: Transaction, home: Home, name: bytes, row: Row, payload: Payload, place: Place
) -> None:
    """Make the row the current version. The caller has seen to conditions and locks."""
    if place.replaced is not None:
        await release(transaction, home.key, place.replaced)
    await transaction.put(home, name, row, payload, place)
    if not row.delete_marker:
        transaction.count(home.key, 1, row.size)


async def add_delete_marker(transaction: Transaction, home: Home, name: bytes, marker: Row) -> None:
    """The caller has seen to locks."""
    await put(transaction, home, name, marker, None, await place_of(transaction, home, name))


async def leave(transaction: Transaction, home: Home, name: bytes, stored: Stored) -> Payload:
    """Take the current version out, whose bytes go to another name; return its payload. Where
    the bucket ever kept versions, a delete marker takes its place."""
    payload = await transaction.take_out(home, name, stored)
    transaction.count(home.key, -1, -stored.row.size)
    if home.ever_versioned:
        marker = delete_marker(home, transaction.now_ns())
        await add_delete_marker(transaction, home, name, marker)
    return payload


async def release(transaction: Transaction, bucket: int, old: Stored) -> None:
    """Give up the bytes of a version that is about to go. Raises `Corrupt`, before any write, if
    what names them is lost."""
    row = old.row
    if row.delete_marker:
        return
    match row.location:
        case Single(chunk):
            await transaction.discard([[chunk.blob]], row.mountpath)
        case Chunked(sidecar):
            manifest = await _manifest(transaction, old)
            await transaction.discard([[sidecar, *manifest.blobs()]], row.mountpath)
    if row.label:
        await forget_label(transaction, bucket, row)
    transaction.count(bucket, -1, -row.size)


async def forget_label(transaction: Transaction, bucket: int, row: Row) -> None:
    """Forget under which name the blob of an object was written that is about to go."""
    if (blob := row.own_blob()) is not None:
        await transaction.forget_label(bucket, row.label.encode(), blob)


async def _manifest(transaction: Transaction, old: Stored) -> Manifest:
    content = await transaction.payload(old)
    if content is None:
        raise Corrupt(f"the index lacks the manifest of an object of {old.row.size} bytes")
    return decode_manifest(content)


async def relabelled(
    transaction: Transaction, bucket: int, name: bytes, row: Row, to: bytes
) -> Row:
    """Note that an object goes from `name` to another; return the row that says under which name
    its blob was written."""
    if (blob := row.own_blob()) is None:
        return row
    label = row.label.encode() or name
    if label == to:
        await transaction.forget_label(bucket, label, blob)
        return msgspec.structs.replace(row, label="")
    await transaction.note_label(bucket, label, blob, to)
    return msgspec.structs.replace(row, label=label.decode())


async def remove_uploads(
    transaction: Transaction,
    bucket: int,
    uploads: list[UploadKey],
    parts: Iterable[PartRow],
    keep: frozenset[str] = frozenset(),
) -> None:
    """Remove unfinished uploads, whose parts these are; blobs that are not to be kept go too."""
    chunks = (part.chunk for part in parts if part.chunk)
    if gone := [[chunk.blob] for chunk in chunks if chunk.blob not in keep]:
        await transaction.discard(gone)
    await transaction.remove_uploads(bucket, uploads)
