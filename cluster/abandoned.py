"""Removal of abandoned appends and downloads, a day after their last piece.

Multipart uploads stay until they are aborted, by their client or by a lifecycle rule. A client
cannot list or abort an append, nor a download in parts that ended with its process, so without this
their data would stay for ever.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from msgspec import Struct, field

from cluster.maintenance import StoppedWithin
from storage.backend import Backend
from storage.clock import Clock, PatientClock
from storage.errors import BucketNotFound, UploadNotFound
from storage.tier.parts import is_download
from storage.values import UploadInfo, UploadQuery

ABANDONED_S = 86400
EVERY_S = 3600.0
_PAGE = 100
_NS = 1_000_000_000


class AbandonedUploads(Struct, frozen=True):
    """A job that runs beside the chores."""

    store: Backend
    stopped_within: StoppedWithin
    clock: Clock = field(default_factory=PatientClock)

    async def run_once(self) -> float:
        """Remove those of all buckets; return in how many seconds to look again."""
        before_ns = self.clock.now_ns() - ABANDONED_S * _NS
        for bucket in await self.store.list_buckets():
            with suppress(BucketNotFound):
                for is_append in (True, False):
                    async for upload in self._uploads(bucket.name, is_append=is_append):
                        if await self._is_abandoned(bucket.name, upload, before_ns):
                            await self._remove(bucket.name, upload)
        return EVERY_S

    async def _uploads(self, bucket: str, *, is_append: bool) -> AsyncIterator[UploadInfo]:
        """Yield the appends, or the downloads."""
        query: UploadQuery | None = UploadQuery(limit=_PAGE, appends=is_append)
        while query is not None and not await self.stopped_within(0):
            page = await self.store.list_uploads(bucket, query)
            for upload in page.uploads:
                if is_append or is_download(upload):
                    yield upload
            after = page.next_after
            query = (
                UploadQuery(after=after, after_id=page.next_id, limit=_PAGE, appends=is_append)
                if after is not None
                else None
            )

    async def _is_abandoned(self, bucket: str, upload: UploadInfo, before_ns: int) -> bool:
        if upload.initiated_ns >= before_ns:
            return False
        after: int | None = 0
        with suppress(UploadNotFound):
            while after is not None:
                page = await self.store.list_parts(bucket, upload.name, upload.id, after=after)
                if any(part.modified_ns >= before_ns for part in page.parts):
                    return False
                after = page.next_after
        return True

    async def _remove(self, bucket: str, upload: UploadInfo) -> None:
        """Abort the upload, unless it ended at the last moment and is gone already."""
        with suppress(UploadNotFound):
            await self.store.abort_upload(bucket, upload.name, upload.id)
