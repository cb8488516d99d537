"""Reading of several small objects at once, with one lookup in each index."""

from __future__ import annotations

from collections.abc import Sequence

from storage.backends.local.disk import MANY, Disk, Where
from storage.backends.local.disks import Disks
from storage.backends.local.object_reader import ObjectReader
from storage.blobs.batches import BatchBodies, FoundObject
from storage.blobs.threads import Threads
from storage.errors import StorageError
from storage.index.rows import Row
from storage.values import ObjectRead, Reading


class BatchReader:
    """`reader` reads what is too large for a batch."""

    def __init__(self, disks: Disks, threads: Threads, reader: ObjectReader) -> None:
        self._disks = disks
        self._bodies = BatchBodies(threads, reader.get_object)

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        reads = reads[:MANY]
        return await self._bodies.read(reads, self._find_all(reads), room_bytes)

    def _find_all(self, reads: Sequence[ObjectRead]) -> list[FoundObject | StorageError]:
        found: dict[int, FoundObject | StorageError] = {}
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
                found[position] = self._open_one(disk, where, read)
        for (disk, _), (where, positions) in together.items():
            rows = disk.open_many(where, [reads[position].name for position in positions])
            for position in positions:
                found[position] = self._found_on(disk, rows[reads[position].name])
        return [found[position] for position in range(len(reads))]

    def _open_one(self, disk: Disk, where: Where, read: ObjectRead) -> FoundObject | StorageError:
        try:
            return self._found_on(disk, disk.open(where, read.name, read.options.version))
        except StorageError as error:
            return error

    def _found_on(
        self, disk: Disk, found: tuple[Row, bytes | None] | StorageError
    ) -> FoundObject | StorageError:
        if isinstance(found, StorageError):
            return found
        row, payload = found
        return FoundObject(self._disks.blobs_of(disk, row), row, payload)
