"""Reading and writing objects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from storage.backend import Change
from storage.backends.local.blobs import BLOCK, FRAME
from storage.backends.local.chunked_writing import Subject
from storage.backends.local.core import Core
from storage.backends.local.disk import Disk
from storage.backends.local.listing import list_page
from storage.backends.local.mutations import (
    DeleteObjects,
    PutObject,
    RenameObject,
    UpdateObject,
    check_absent,
)
from storage.backends.local.reading import Segment, Source, Vanished, read_all, segments_of, stream
from storage.backends.local.rows import (
    Chunk,
    Chunked,
    Empty,
    Inline,
    Location,
    ObjectLabel,
    Row,
    Single,
    decode_manifest,
)
from storage.backends.local.version_listing import list_version_page
from storage.backends.local.versions import Bucket, new_version
from storage.backends.local.writing import Blocks
from storage.chunking import Cutting
from storage.cipher import INLINE, FrameCipher, check_key, unlocked
from storage.conditions import check_read
from storage.errors import Corrupt, PartNotFound, StorageError
from storage.mountpath import Mountpath
from storage.ranges import resolve
from storage.values import (
    NULL_VERSION,
    READ_ALL,
    UPDATE_CURRENT,
    Between,
    Body,
    DeleteRequest,
    Deletion,
    ListQuery,
    ObjectInfo,
    Page,
    PartNumber,
    PartPage,
    PutOptions,
    Reading,
    ReadOptions,
    RenameOptions,
    Sealed,
    Stream,
    UpdateOptions,
    Versioning,
    VersionPage,
    VersionQuery,
    Want,
)


class Objects(Core):
    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        self._disks[0].bucket(bucket)
        return await self._scan(list_page, self._snapshots, bucket, query)

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        disk, where = self._place(bucket, name)
        want, payload = options.want, None
        if isinstance(want, PartNumber):
            row, payload = disk.open(where, name, options.version)
        else:
            row = disk.find(where, name, options.version)
        info = row.info(name)
        check_read(options.condition, info)
        return Reading(info, span_of(row, payload, want), b"")

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        disk, where = self._place(bucket, name)
        seen: Row | None = None
        while True:
            row, payload = disk.open(where, name, options.version)
            info = row.info(name)
            check_read(options.condition, info)
            span = span_of(row, payload, options.want)
            data_key = await unlocked(info, options.unlock)
            try:
                body = await self._body(self._blobs_of(disk, row), row, payload, span, data_key)
                return Reading(info, span, body)
            except Vanished as error:
                if row == seen:
                    raise Corrupt(f"the bytes of {bucket}/{name} are missing") from error
                seen = row

    async def _body(
        self,
        mountpath: Mountpath,
        row: Row,
        payload: bytes | None,
        span: Between,
        data_key: bytes | None,
    ) -> bytes | Stream:
        if span.start >= span.stop:
            return b""
        match row.location:
            case Empty():
                return b""
            case Inline():
                assert payload is not None
                if data_key is not None:
                    payload = FrameCipher(data_key, INLINE).open(payload, 0, last=True)
                return payload if len(payload) == len(span) else payload[span.start : span.stop]
            case Single(chunk):
                return await self._read(mountpath, [(chunk, span)], "", data_key)
            case Chunked(sidecar):
                assert payload is not None
                segments = segments_of(decode_manifest(payload), span)
                return await self._read(mountpath, segments, sidecar, data_key)

    async def _read(
        self, mountpath: Mountpath, segments: list[Segment], sidecar: str, data_key: bytes | None
    ) -> bytes | Stream:
        size = BLOCK if data_key is None else FRAME
        whole = len(segments) == 1 and _in_one_block(segments[0][1], size)
        if whole and data_key is None:
            return await self._in_block(mountpath, segments[0], sidecar)
        if whole:
            return await self._in_thread(_read_whole, mountpath, segments, sidecar, data_key)
        opened = self._in_thread(_open_source, mountpath, segments, sidecar, data_key)
        source, first = await opened
        return stream(self._threads, source, first)

    async def _in_block(self, mountpath: Mountpath, segment: Segment, sidecar: str) -> bytes:
        """A block, or a part of one, which is then remembered whole."""
        chunk, span = segment
        start = span.start // BLOCK * BLOCK
        block = Between(start, min(start + BLOCK, chunk.size))
        if span == block:
            return await self._in_thread(_read_whole, mountpath, [segment], sidecar, None)
        key = chunk.blob, start
        found = self._recent.get(key)
        if found is None:
            whole = [(chunk, block)]
            found = await self._in_thread(_read_whole, mountpath, whole, sidecar, None)
            self._recent.remember(key, found)
        return found[span.start - start : span.stop - start]

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        disk, where = self._place(bucket, name)
        row, payload = disk.open(where, name, version)
        if not row.parts or payload is None or limit <= 0:
            return PartPage(())
        infos = [info for info in decode_manifest(payload).uploads() if info.number > after]
        page = tuple(infos[:limit])
        return PartPage(page, page[-1].number if len(infos) > limit else None)

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        home = self._bucket(bucket)
        disk = self._disk(home, name)
        check_key(options.data_key, options.attributes)
        self._require_room(disk, options.size or 0)
        cutting = options.chunks.cutting(options.size) if options.chunks else None
        blocks = Blocks(body, options.data_key, next(cutting.sizes) if cutting else None)
        first = await blocks.next()
        fits = len(first) <= self._options.inline_limit
        if fits and (cutting is None or len(first) < max(cutting.whole_below, 1)):
            return await self._put_inline(disk, home, name, first, options)

        def row(size: int, place: Location) -> Row:
            # A candidate, for the label to have it.
            version = new_version(home.info.versioning)
            return self._row(size, options.digest.seal(), options, place, version)

        subject = Subject(home, home.info.owner, name, row)
        if cutting is not None:
            return await self._put_chunked(disk, subject, first, blocks, options, cutting)

        def label(chunk: Chunk) -> ObjectLabel:
            made = row(blocks.size_in(chunk), Single(chunk))
            return ObjectLabel(home.label, home.info.owner, name, made)

        async with self._writer(disk, self._work_file(disk)) as writer:
            made = (await writer.store(first, blocks, options.digest, label)).row
            put = PutObject(home, name, made, None, options.condition)
            return await disk.committer.run(put, writer.hand_over())

    async def _put_chunked(
        self,
        disk: Disk,
        subject: Subject,
        first: bytes,
        blocks: Blocks,
        options: PutOptions,
        cutting: Cutting,
    ) -> ObjectInfo:
        async with self._chunked_writer(disk) as writer:
            row, payload = await writer.write(first, blocks, options.digest, subject, cutting)
            put = PutObject(subject.bucket, subject.name, row, payload, options.condition)
            return await disk.committer.run(put, writer.hand_over())

    async def _put_inline(
        self, disk: Disk, home: Bucket, name: str, content: bytes, options: PutOptions
    ) -> ObjectInfo:
        options.digest.update(content)
        row = self._row(
            len(content), options.digest.seal(), options, Inline() if content else Empty()
        )
        if content and options.data_key is not None:
            content = FrameCipher(options.data_key, INLINE).seal(content, 0, last=True)
        put = PutObject(home, name, row, content or None, options.condition)
        return await disk.committer.run(put)

    def _row(
        self,
        size: int,
        sealed: Sealed,
        options: PutOptions,
        location: Location,
        version: str = NULL_VERSION,
    ) -> Row:
        return Row(
            size,
            sealed.etag,
            self._clock.now_ns(),
            options.attributes,
            location,
            sealed.checksum,
            version=version,
        )

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        home = self._bucket(bucket)
        update = UpdateObject(home, name, change, options, self._clock.now_ns())
        return await self._disk(home, name).committer.run(update)

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        self._disks[0].bucket(bucket)
        return await self._scan(list_version_page, self._snapshots, bucket, query)

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        home = self._bucket(bucket)
        here, there = self._disk(home, source), self._disk(home, name)
        rename = RenameObject(home, source, name, options, self._clock.now_ns())
        if here is there:
            return await here.committer.run(rename)
        return await self._to_the_end(self._cross(here, there, rename))

    async def _cross(self, here: Disk, there: Disk, rename: RenameObject) -> ObjectInfo:
        source, target = self._disks.index(here), self._disks.index(there)
        async with self._crossing:
            return await self._in_thread(self._crossings.rename, source, target, rename)

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        home = self._bucket(bucket)
        disk = self._disk(home, request.name)
        info, row = disk.look_up(disk.where(home), request.name, request.version)
        marks = request.version is None and info.versioning is not Versioning.NEVER
        if row is None and not marks:  # nothing to remove: that needs no commit
            check_absent(request.name, request.condition)
            return Deletion(existed=False, version=request.version or NULL_VERSION)
        delete = DeleteObjects(home, (request,), self._clock.now_ns())
        (outcome,) = await disk.committer.run(delete)
        if isinstance(outcome, StorageError):
            raise outcome
        return outcome

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        home = self._bucket(bucket)
        places: dict[Disk, list[int]] = {}
        for position, request in enumerate(requests):
            places.setdefault(self._disk(home, request.name), []).append(position)
        outcomes: dict[int, Deletion | StorageError] = {}
        async with asyncio.TaskGroup() as group:
            for disk, positions in places.items():
                chosen = [requests[position] for position in positions]
                delete = DeleteObjects(home, chosen, self._clock.now_ns())
                group.create_task(_delete_on(disk, delete, positions, outcomes))
        return [outcomes[position] for position in range(len(requests))]


def _in_one_block(span: Between, size: int) -> bool:
    return span.start // size == (span.stop - 1) // size


def _read_whole(
    mountpath: Mountpath, segments: list[Segment], sidecar: str, data_key: bytes | None
) -> bytes:
    return read_all(Source(mountpath, segments, sidecar, data_key))


def _open_source(
    mountpath: Mountpath, segments: list[Segment], sidecar: str, data_key: bytes | None
) -> tuple[Source, bytes]:
    source = Source(mountpath, segments, sidecar, data_key)
    try:
        return source, source.read()
    except BaseException:
        source.close()
        raise


def span_of(row: Row, payload: bytes | None, want: Want | None) -> Between:
    if isinstance(want, PartNumber):
        return _part_span(row, payload, want.number)
    return resolve(want, row.size)


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


async def _delete_on(
    disk: Disk,
    delete: DeleteObjects,
    positions: Sequence[int],
    outcomes: dict[int, Deletion | StorageError],
) -> None:
    """The failure of a whole mountpath is the failure of each name on it."""
    results: Sequence[Deletion | StorageError]
    try:
        results = await disk.committer.run(delete)
    except StorageError as error:
        results = [error] * len(positions)
    outcomes.update(zip(positions, results, strict=True))
