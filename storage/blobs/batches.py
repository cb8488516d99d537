"""Bodies of several small objects at once, in one thread hop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from storage.blobs.blob import BLOCK
from storage.blobs.folder import BlobFolder
from storage.blobs.location import locate, span_of
from storage.blobs.reading import BlobRange, BlockReader, Vanished
from storage.blobs.threads import Threads
from storage.cipher import unlocked
from storage.conditions import check_read, wanted_of
from storage.errors import ObjectChanged, StorageError
from storage.index.rows import Row
from storage.ranges import Between
from storage.values import ObjectInfo, ObjectRead, Reading, ReadOptions


class FoundObject(NamedTuple):
    """A row and its payload, and the folder that has its blobs."""

    folder: BlobFolder
    row: Row
    payload: bytes | None


class _Opened(Struct):
    """One object whose row was found: its bytes, or where they are until they are read, or why
    they could not be."""

    info: ObjectInfo
    span: Between
    folder: BlobFolder
    body: bytes | BlobRange | StorageError

    def result(self) -> Reading | StorageError:
        if isinstance(self.body, StorageError):
            return self.body
        assert isinstance(self.body, bytes)
        return Reading(self.info, self.span, self.body)


# Its bytes are gone, so its row has changed: `get_object` looks again.
_REPLACED = ObjectChanged()

GetObject = Callable[[str, str, ReadOptions], Awaitable[Reading]]


class BatchBodies:
    """`get_object` reads what is too large for a batch, and what has changed meanwhile."""

    def __init__(self, threads: Threads, get_object: GetObject) -> None:
        self._threads = threads
        self._get_object = get_object

    async def read(
        self,
        reads: Sequence[ObjectRead],
        found: Sequence[FoundObject | StorageError],
        room_bytes: int,
    ) -> list[Reading | StorageError]:
        """As `Backend.get_objects`; `found` has for each what the index has of it."""
        opened: list[_Opened | StorageError] = []
        left = room_bytes
        for read, each in zip(reads, found, strict=True):
            one = await _opened(read, each)
            if isinstance(one, _Opened):
                left -= len(one.span)
                if opened and (left < 0 or _is_large(one)):
                    break
                if _is_large(one):
                    return [await self._alone(read)]
            opened.append(one)
        return await self._read_all(reads, opened)

    async def _read_all(
        self, reads: Sequence[ObjectRead], opened: list[_Opened | StorageError]
    ) -> list[Reading | StorageError]:
        """Read what is in blobs, in one thread hop for each folder."""
        places: dict[BlobFolder, list[_Opened]] = {}
        for one in opened:
            if isinstance(one, _Opened) and isinstance(one.body, BlobRange):
                places.setdefault(one.folder, []).append(one)
        for folder, ones in places.items():
            await self._threads.run(_fill, folder, ones)
        readings: list[Reading | StorageError] = []
        for read, one in zip(reads, opened, strict=False):
            readings.append(one.result() if isinstance(one, _Opened) else one)
            if readings[-1] is _REPLACED:
                readings[-1] = again = await self._alone(read)
                if isinstance(again, Reading) and not isinstance(again.body, bytes):
                    break
        return readings

    async def _alone(self, read: ObjectRead) -> Reading | StorageError:
        try:
            return await self._get_object(read.bucket, read.name, read.options)
        except StorageError as error:
            return error


async def _opened(read: ObjectRead, found: FoundObject | StorageError) -> _Opened | StorageError:
    if isinstance(found, StorageError):
        return found
    folder, row, payload = found
    options, info = read.options, row.info(read.name)
    try:
        check_read(options.condition, info)
        span = span_of(row, payload, wanted_of(options, info))
        data_key = await unlocked(info, options.unlock)
        return _Opened(info, span, folder, locate(row, payload, span, data_key))
    except StorageError as error:
        return error


def _is_large(one: _Opened) -> bool:
    return isinstance(one.body, BlobRange) and len(one.span) > BLOCK


def _fill(folder: BlobFolder, ones: Sequence[_Opened]) -> None:
    """Replace each place by the bytes that are there, or by why they cannot be read."""
    reader = BlockReader(folder)
    try:
        for one in ones:
            assert isinstance(one.body, BlobRange)
            try:
                one.body = reader.read(one.body)
            except Vanished:
                one.body = _REPLACED
            except StorageError as error:
                one.body = error
    finally:
        reader.close()
