"""Reading several small objects at once: one look into the index and one hop into a thread for all
of them, where each alone would cost one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.backends.local.blobs import BLOCK
from storage.backends.local.disk import MANY, Disk, Where
from storage.backends.local.objects import Objects, span_of
from storage.backends.local.reading import BlockReader, Segment, Vanished, segments_of
from storage.backends.local.rows import Chunked, Empty, Inline, Row, Single, decode_manifest
from storage.cipher import INLINE, FrameCipher, unlocked
from storage.conditions import check_read
from storage.errors import ObjectChanged, StorageError
from storage.mountpath import Mountpath
from storage.values import Between, ObjectInfo, ObjectRead, Reading

_Found = tuple[Disk, Row, bytes | None] | StorageError


@dataclass(slots=True)
class _Opened:
    """One object: `body` is there, or is in the segments, or must be read as a stream."""

    info: ObjectInfo
    span: Between
    mountpath: Mountpath
    body: bytes | None = None
    segments: list[Segment] | None = None
    sidecar: str = ""
    data_key: bytes | None = None
    error: StorageError | None = None

    def result(self) -> Reading | StorageError:
        if self.body is None:
            assert self.error is not None
            return self.error
        return Reading(self.info, self.span, self.body)


# Its bytes are gone, so its row has changed: `get_object` looks again.
_REPLACED = ObjectChanged()


class ManyObjects(Objects):
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
                disk, where = self._place(read.bucket, read.name)
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
        mountpath = self._blobs_of(disk, row)
        try:
            check_read(options.condition, info)
            one = _Opened(info, span_of(row, payload, options.want), mountpath)
            one.data_key = await unlocked(info, options.unlock)
            _locate(one, row, payload)
        except StorageError as error:
            return error
        return one

    async def _read_all(
        self, reads: Sequence[ObjectRead], opened: list[_Opened | StorageError]
    ) -> list[Reading | StorageError]:
        """What stands in files is read in one hop into a thread for each mountpath."""
        places: dict[Mountpath, list[_Opened]] = {}
        for one in opened:
            if isinstance(one, _Opened) and one.body is None:
                places.setdefault(one.mountpath, []).append(one)
        for mountpath, ones in places.items():
            await self._in_thread(_fill, mountpath, ones)
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
            return await self.get_object(read.bucket, read.name, read.options)
        except StorageError as error:
            return error


def _open_one(disk: Disk, where: Where, read: ObjectRead) -> _Found:
    try:
        return _found_on(disk, disk.open(where, read.name, read.options.version))
    except StorageError as error:
        return error


def _found_on(disk: Disk, found: tuple[Row, bytes | None] | StorageError) -> _Found:
    return found if isinstance(found, StorageError) else (disk, *found)


def _locate(one: _Opened, row: Row, payload: bytes | None) -> None:
    if not len(one.span):
        one.body = b""
        return
    match row.location:
        case Empty():
            one.body = b""
        case Inline():
            assert payload is not None
            if one.data_key is not None:
                payload = FrameCipher(one.data_key, INLINE).open(payload, 0, last=True)
            whole = len(payload) == len(one.span)
            one.body = payload if whole else payload[one.span.start : one.span.stop]
        case Single(chunk):
            one.segments = [(chunk, one.span)]
        case Chunked(sidecar):
            assert payload is not None
            one.segments, one.sidecar = segments_of(decode_manifest(payload), one.span), sidecar


def _is_large(one: _Opened) -> bool:
    return one.body is None and len(one.span) > BLOCK


def _fill(mountpath: Mountpath, ones: Sequence[_Opened]) -> None:
    """Read the bodies, or note why not."""
    reader = BlockReader(mountpath)
    try:
        for one in ones:
            try:
                one.body = reader.read(one.segments or (), one.sidecar, one.data_key)
            except Vanished:
                one.error = _REPLACED
            except StorageError as error:
                one.error = error
    finally:
        reader.close()
