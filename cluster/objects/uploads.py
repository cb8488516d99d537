"""Multipart uploads: rows in the index, so that any process goes on with them."""

from __future__ import annotations

from typing import Any

from cluster.database.patience import PatientReader
from cluster.index.listing import entries_of
from cluster.index.lookups import Lookups
from storage.blobs.reader import BlobReader
from storage.blobs.reading import BlobRange, Vanished
from storage.blobs.threads import Threads
from storage.clock import Clock
from storage.errors import BucketNotFound, PartNotFound, UploadNotFound
from storage.index.paging import upload_page
from storage.index.rows import decode_part
from storage.index.upload_mutations import AbortUpload, CreateUpload
from storage.listing import part_page
from storage.ranges import Between
from storage.upload_ids import new_upload_id
from storage.values import (
    Body,
    CompleteOptions,
    ObjectInfo,
    PartInfo,
    PartOptions,
    PartPage,
    Stream,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
)
from storage.writing.destination import Destination
from storage.writing.parts import UploadBodies, UploadChanged, assemble

# A bucket without the upload, and an upload without parts, are a row each.
_PART_PAGE = """
SELECT u.id, p.row FROM s3gw.buckets b
LEFT JOIN s3gw.uploads u ON u.bucket = b.id AND u.name = $2 AND u.id = $3
LEFT JOIN LATERAL (
    SELECT number, row FROM s3gw.parts WHERE upload = u.id AND number > $4
    ORDER BY number LIMIT $5) p ON true
WHERE b.name = $1 ORDER BY p.number"""


class Uploads:
    def __init__(
        self,
        index: PatientReader,
        lookups: Lookups,
        to: Destination,
        threads: Threads,
        clock: Clock,
        bodies: BlobReader,
        writer: UploadBodies,
    ) -> None:
        self._index = index
        self._lookups = lookups
        self._to = to
        self._threads = threads
        self._clock = clock
        self._bodies = bodies
        self._writer = writer

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        home = await self._lookups.bucket(bucket)
        now = self._clock.now_ns()
        upload = UploadInfo.from_options(new_upload_id(name, now), name, options, now)
        return await self._to.commit(CreateUpload(home, upload))

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        return (await self._lookups.upload(bucket, name, upload_id))[1]

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        home, upload = await self._lookups.upload(bucket, name, upload_id)
        return await self._writer.put_part(self._to, home, upload, number, body, options)

    async def get_part(self, bucket: str, name: str, upload_id: str, number: int) -> bytes | Stream:
        part = (await self._lookups.parts(bucket, name, upload_id, number)).get(number)
        if part is None:
            raise PartNotFound(number)
        if part.chunk is None:
            return b""
        span = Between(0, part.chunk.size)
        wanted = BlobRange([(part.chunk, span)], "")
        try:
            return await self._bodies.read(self._to.place.folder, wanted)
        except Vanished:
            # The part was replaced, or the upload aborted.
            raise PartNotFound(number) from None

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        limit = max(limit, 0)
        values = (bucket, name.encode(), upload_id, after, limit + 1)
        rows: Any = await self._index.rows(_PART_PAGE, *values)
        if not rows:
            raise BucketNotFound(bucket)
        if rows[0][0] is None:
            raise UploadNotFound(upload_id)
        infos = [decode_part(row).info for _, row in rows if row is not None]
        return part_page(infos, after, limit)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        """It is repeated when a part was replaced meanwhile."""
        while True:
            try:
                home, upload = await self._lookups.upload(bucket, name, upload_id)
                parts = await self._lookups.parts(bucket, name, upload_id)
                assembled = await self._threads.run(assemble, upload, parts, options)
            except UploadNotFound:
                return await self._completed(bucket, name, upload_id)
            try:
                return await self._writer.complete(self._to, home, upload, assembled, options)
            except UploadChanged:
                continue

    async def _completed(self, bucket: str, name: str, upload_id: str) -> ObjectInfo:
        """Answer a client that repeats the request, having lost the first answer, the same."""
        row = await self._lookups.completed(bucket, name, upload_id)
        if row is None:
            raise UploadNotFound(upload_id)
        return row.info(name)

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        home, _ = await self._lookups.upload(bucket, name, upload_id)
        await self._to.commit(AbortUpload(home, name, upload_id))

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        entries, more = await entries_of(self._index, bucket, query)
        return upload_page(entries, more=more)
