"""Reading of several small objects at once.

All of them share one lookup in the index and one thread hop per mountpath.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from storage.backends.local.disk import MANY, Disk, Where
from storage.backends.local.disks import Disks
from storage.backends.local.mountpath import Mountpath
from storage.backends.local.object_reader import ObjectReader
from storage.backends.local.threads import Threads
from storage.blobs.blob import BLOCK
from storage.blobs.location import locate, span_of
from storage.blobs.reading import BlobRange, BlockReader, Vanished
from storage.cipher import unlocked
from storage.conditions import check_read, wanted_of
from storage.errors import ObjectChanged, StorageError
from storage.index.rows import Row
from storage.ranges import Between
from storage.values import ObjectInfo, ObjectRead, Reading

_Found = tuple[Disk, Row, bytes | None] | StorageError


class _Opened(Struct):
    """One object whose row was found: its bytes, or where they are until they are read, or why
    they could not be."""

    info: ObjectInfo
    span: Between
    mountpath: Mountpath
    body: bytes | BlobRange | StorageError

    def result(self) -> Reading | StorageError:
        if isinstance(self.body, StorageError):
            return self.body
        assert isinstance(self.body, bytes)
        return Reading(self.info, self.span, self.body)


# Its bytes are gone, so its row has changed: `get_object` looks again.
_REPLACED = ObjectChanged()


class BatchReader:
    """`reader` reads what is too large for a batch."""

    def __init__(self, disks: Disks, threads: Threads, reader: ObjectReader) -> None:
        self._disks = disks
        self._threads = threads
        self._reader = reader

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        reads = reads[:MANY]
        found = self._find_all(reads)
        opened: list[_Opened | StorageError] = []
        left = room_bytes
        for read, each in zip(reads, found, strict=True):
            one = await self._opened(read, each)
            if isinstance(one, _Opened):
                left -= len(one.span)
                if opened and (left < 0 or _is_large(one)):
                    break
                if _is_large(one):
                    return [await self._alone(read)]
            opened.append(one)
        return await self._read_all(reads, opened)

    def _find_all(self, reads: Sequence[ObjectRead]) -> list[_Found]:
        found: dict[int, _Found] = {}
        together: dict[tuple[Disk, str], tuple[Where, list[int]]] = {}
        for position, read in enumerate(reads):
            try:
                disk, where = self._disks.locate(read.bucket, read.name)
            except StorageError as error:
                found[position] = error
                continue
            if read.options.version is None:
                together.setdefault((disk, read.bucket), (where, []))[1].append(position)
            else:
                found[position] = _open_one(disk, where, read)
        for (disk, _), (where, positions) in together.items():
            rows = disk.open_many(where, [reads[position].name for position in positions])
            for position in positions:
                found[position] = _found_on(disk, rows[reads[position].name])
        return [found[position] for position in range(len(reads))]

    async def _opened(self, read: ObjectRead, found: _Found) -> _Opened | StorageError:
        if isinstance(found, StorageError):
            return found
        disk, row, payload = found
        options, info = read.options, row.info(read.name)
        mountpath = self._disks.blobs_of(disk, row)
        try:
            check_read(options.condition, info)
            span = span_of(row, payload, wanted_of(options, info))
            data_key = await unlocked(info, options.unlock)
            return _Opened(info, span, mountpath, locate(row, payload, span, data_key))
        except StorageError as error:
            return error

    async def _read_all(
        self, reads: Sequence[ObjectRead], opened: list[_Opened | StorageError]
    ) -> list[Reading | StorageError]:
        """Read what is in blobs, in one thread hop for each mountpath."""
        places: dict[Mountpath, list[_Opened]] = {}
        for one in opened:
            if isinstance(one, _Opened) and isinstance(one.body, BlobRange):
                places.setdefault(one.mountpath, []).append(one)
        for mountpath, ones in places.items():
            await self._threads.run(_fill, mountpath, ones)
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
            return await self._reader.get_object(read.bucket, read.name, read.options)
        except StorageError as error:
            return error


def _open_one(disk: Disk, where: Where, read: ObjectRead) -> _Found:
    try:
        return _found_on(disk, disk.open(where, read.name, read.options.version))
    except StorageError as error:
        return error


def _found_on(disk: Disk, found: tuple[Row, bytes | None] | StorageError) -> _Found:
    return found if isinstance(found, StorageError) else (disk, *found)


def _is_large(one: _Opened) -> bool:
    return isinstance(one.body, BlobRange) and len(one.span) > BLOCK


def _fill(mountpath: Mountpath, ones: Sequence[_Opened]) -> None:
    """Replace each place by the bytes that are there, or by why they cannot be read."""
    reader = BlockReader(mountpath)
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
