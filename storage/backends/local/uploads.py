"""Multipart uploads: each part is a blob.

Completing an upload copies no byte. Completion writes a sidecar blob with the manifest and then is
one index transaction. It is repeated if a part was replaced meanwhile.
"""

from __future__ import annotations

import msgspec

from storage import failpoints
from storage.backends.local.disk import Disk, Where
from storage.backends.local.disks import Disks
from storage.backends.local.listing import list_part_page, list_upload_page
from storage.backends.local.object_reader import ObjectReader
from storage.backends.local.threads import Threads
from storage.backends.local.writers import Writers
from storage.blobs.labels import PartLabel, SidecarLabel
from storage.blobs.reading import BlobRange, Vanished
from storage.blobs.writing import Blocks
from storage.cipher import check_key
from storage.clock import Clock
from storage.errors import PartNotFound, UploadNotFound
from storage.index.rows import Chunk, Chunked, Manifest, PartRow, Row, decode_row
from storage.index.upload_mutations import (
    AbortUpload,
    CompleteUpload,
    CreateUpload,
    PartsChanged,
    PutPart,
)
from storage.index.versions import new_version
from storage.ranges import Between
from storage.upload_ids import new_upload_id
from storage.values import (
    Body,
    CompleteOptions,
    ObjectInfo,
    PartInfo,
    PartOptions,
    PartPage,
    Sealed,
    Stream,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
)


class Uploads:
    def __init__(
        self,
        disks: Disks,
        writers: Writers,
        threads: Threads,
        clock: Clock,
        reader: ObjectReader,
    ) -> None:
        self._disks = disks
        self._writers = writers
        self._threads = threads
        self._clock = clock
        self._reader = reader

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        now = self._clock.now_ns()
        upload = UploadInfo.from_options(new_upload_id(name, now), name, options, now)
        home = self._disks.bucket(bucket)
        return await self._disks.home(home, name).committer.run(CreateUpload(home, upload))

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        disk, where = self._disks.locate(bucket, name)
        return disk.upload(where, name, upload_id)

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        home, digest = self._disks.bucket(bucket), options.digest
        disk = self._disks.home(home, name)
        check_key(options.data_key, disk.upload(disk.where(home), name, upload_id).attributes)
        self._writers.require_room(disk, 0)
        blocks = Blocks(body, options.data_key)
        first = await blocks.next()
        if not first:
            part = PartRow(self._part_info(number, 0, digest.seal()), None)
            if options.before_commit is not None:
                await options.before_commit()
            await disk.committer.run(PutPart(home, name, upload_id, part))
            return part.info

        def label(chunk: Chunk) -> PartLabel:
            info = self._part_info(number, blocks.size_in(chunk), digest.seal())
            return PartLabel(home.label, name, upload_id, PartRow(info, chunk))

        async with self._writers.blob(disk, self._writers.work_file(disk)) as writer:
            part = (await writer.store(first, blocks, digest, label)).part
            if options.before_commit is not None:
                await options.before_commit()
            put = PutPart(home, name, upload_id, part)
            await disk.committer.run(put, writer.hand_over())
        return part.info

    def _part_info(self, number: int, size: int, sealed: Sealed) -> PartInfo:
        return PartInfo(number, size, sealed.etag, self._clock.now_ns(), sealed.checksum)

    async def get_part(self, bucket: str, name: str, upload_id: str, number: int) -> bytes | Stream:
        disk, where = self._disks.locate(bucket, name)
        disk.upload(where, name, upload_id)
        part = disk.part(upload_id, number)
        if part is None:
            raise PartNotFound(number)
        if part.chunk is None:
            return b""
        span = Between(0, part.chunk.size)
        try:
            return await self._reader.read(disk.mountpath, BlobRange([(part.chunk, span)], ""))
        except Vanished:
            # The part was replaced, or the upload aborted.
            raise PartNotFound(number) from None

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        disk, where = self._disks.locate(bucket, name)
        disk.upload(where, name, upload_id)
        return await self._threads.scan(list_part_page, disk, upload_id, after, limit)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        home = self._disks.bucket(bucket)
        disk = self._disks.home(home, name)
        where = disk.where(home)
        while True:
            try:
                upload = disk.upload(where, name, upload_id)
                sealed, manifest = await self._threads.run(_assemble, disk, where, upload, options)
            except UploadNotFound:
                return self._completed(disk, where, name, upload_id)
            file = self._writers.work_file(disk)
            row = self._completed_row(upload, sealed, manifest, file.id, options)
            # A candidate, for the label to have it.
            row = msgspec.structs.replace(row, version=new_version(home.info.versioning))
            async with self._writers.blob(disk, file) as writer:
                await writer.place(SidecarLabel(home.label, home.info.owner, name, row, manifest))
                failpoints.hit("complete_after_sidecar")
                row = await row.agreed(options.before_commit)
                complete = CompleteUpload(home, upload, row, manifest, options.condition)
                try:
                    return await disk.committer.run(complete, writer.hand_over())
                except (PartsChanged, UploadNotFound):
                    continue

    def _completed(self, disk: Disk, bucket: Where, name: str, upload_id: str) -> ObjectInfo:
        """Answer a client that repeats the request, having lost the first answer, the same."""
        row = disk.completed(bucket, name, upload_id)
        if row is None:
            raise UploadNotFound(upload_id)
        return decode_row(row).info(name)

    def _completed_row(
        self,
        upload: UploadInfo,
        sealed: Sealed,
        manifest: Manifest,
        sidecar: str,
        options: CompleteOptions,
    ) -> Row:
        sizes = [part.info.size for part in manifest.parts]
        modified_ns = options.modified_ns
        return Row(
            sum(sizes),
            sealed.etag,
            self._clock.now_ns() if modified_ns is None else modified_ns,
            upload.attributes,
            Chunked(sidecar, len(sizes), max(sizes, default=0)),
            sealed.checksum,
            0 if options.whole else len(sizes),
        )

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        home = self._disks.bucket(bucket)
        disk = self._disks.home(home, name)
        disk.upload(disk.where(home), name, upload_id)
        await disk.committer.run(AbortUpload(home, name, upload_id))

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        self._disks.first.bucket(bucket)
        return await self._threads.scan(list_upload_page, self._disks.snapshots, bucket, query)


def _assemble(
    disk: Disk, bucket: Where, upload: UploadInfo, options: CompleteOptions
) -> tuple[Sealed, Manifest]:
    """Seal the chosen parts. The transaction checks that they are still the same."""
    stored = disk.parts(bucket, upload.name, upload.id)
    for number in options.numbers:
        if number not in stored:
            raise PartNotFound(number)
    manifest = Manifest(tuple(stored[number] for number in options.numbers))
    return options.assemble(upload, [part.info for part in manifest.parts]), manifest
