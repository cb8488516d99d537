"""Multipart uploads on the mountpath of their object's name."""

from __future__ import annotations

from storage.backends.local.disk import Disk, Where
from storage.backends.local.disks import Disks
from storage.backends.local.listing import list_part_page, list_upload_page
from storage.blobs.reader import BlobReader
from storage.blobs.reading import BlobRange, Vanished
from storage.blobs.threads import Threads
from storage.clock import Clock
from storage.errors import PartNotFound, UploadNotFound
from storage.index.rows import Manifest, decode_row
from storage.index.upload_mutations import AbortUpload, CreateUpload
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
from storage.writing.parts import UploadBodies, UploadChanged, assemble


class Uploads:
    def __init__(
        self,
        disks: Disks,
        threads: Threads,
        clock: Clock,
        bodies: BlobReader,
        writer: UploadBodies,
    ) -> None:
        self._disks = disks
        self._threads = threads
        self._clock = clock
        self._bodies = bodies
        self._writer = writer

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
        home = self._disks.bucket(bucket)
        disk = self._disks.home(home, name)
        upload = disk.upload(disk.where(home), name, upload_id)
        return await self._writer.put_part(disk.destination, home, upload, number, body, options)

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
            return await self._bodies.read(disk.mountpath, BlobRange([(part.chunk, span)], ""))
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
        """It is repeated when a part was replaced meanwhile."""
        home = self._disks.bucket(bucket)
        disk = self._disks.home(home, name)
        where = disk.where(home)
        while True:
            try:
                upload = disk.upload(where, name, upload_id)
                sealed = await self._threads.run(_assemble, disk, where, upload, options)
            except UploadNotFound:
                return self._completed(disk, where, name, upload_id)
            try:
                to = disk.destination
                return await self._writer.complete(to, home, upload, sealed, options)
            except UploadChanged:
                continue

    def _completed(self, disk: Disk, bucket: Where, name: str, upload_id: str) -> ObjectInfo:
        """Answer a client that repeats the request, having lost the first answer, the same."""
        row = disk.completed(bucket, name, upload_id)
        if row is None:
            raise UploadNotFound(upload_id)
        return decode_row(row).info(name)

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
    return assemble(upload, disk.parts(bucket, upload.name, upload.id), options)
