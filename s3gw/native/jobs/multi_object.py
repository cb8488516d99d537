"""Many objects at once: deleting, evicting and prefetching.

The objects are those of a list, a template or a prefix, or of a whole bucket. Evicting and
prefetching are refused for a bucket without a backend.
"""

from __future__ import annotations

from msgspec import Struct, field

from cluster.jobs import delete_objects, evict, prefetch
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.jobs.rights import (
    require_deleting,
    require_reading,
)
from s3gw.native.jobs.selection import read_selection
from s3gw.native.jobs.starting import begin
from s3gw.native.operation import operation, query, value
from s3gw.native.parallel import read_threshold
from s3gw.native.remote_buckets import forget, is_folder, require_backend


class DeleteMessage(Struct, frozen=True):
    objnames: list[str] | None = None
    template: str | None = None
    flat: bool = field(default=False, name="non-recurs")


@operation(
    "DELETE",
    "buckets/{bucket}",
    action=delete_objects.KIND.name,
    access=Access.DELETE_OBJECT,
    known_as="DeleteObjects",
)
class DeleteListRange:
    asked: DeleteMessage = value(default=DeleteMessage())

    async def run(self, call: NativeCall) -> Reply:
        chosen = await read_selection(self.asked.objnames, self.asked.template)
        await require_deleting(call, chosen)
        job = delete_objects.DeleteObjects(
            bucket=call.bucket,
            template=chosen.template,
            prefix=chosen.prefix,
            flat=self.asked.flat,
        )
        return text_reply(await begin(call, job, chosen.names))


class FetchMessage(Struct, frozen=True):
    """`latest_ver` replaces what is older than the backend's. An object of `blob_threshold` bytes
    or more is fetched in many ranges at once."""

    objnames: list[str] | None = None
    template: str | None = None
    prefix: str = ""
    latest_ver: bool = field(default=False, name="latest-ver")
    flat: bool = field(default=False, name="non-recurs")
    go_on: bool = field(default=False, name="coer")
    num_workers: int = field(default=0, name="num-workers")
    blob_threshold: int | str = field(default=0, name="blob-threshold")
    blob_chunk: int | str = field(default=0, name="blob-chunk-size")
    blob_workers: int | str = field(default=0, name="blob-num-workers")

    @property
    def workers(self) -> int:
        """Return how many objects are fetched at once."""
        asked_for = self.num_workers or prefetch.DEFAULT_WORKERS
        return min(max(asked_for, 1), prefetch.MAX_WORKERS)


@operation(
    "DELETE",
    "buckets/{bucket}",
    action=evict.KIND.name,
    access=Access.DELETE_OBJECT,
    known_as="DeleteObjects",
)
class EvictListRange:
    """Removes objects here; the backend keeps them."""

    asked: DeleteMessage = value(default=DeleteMessage())

    async def run(self, call: NativeCall) -> Reply:
        require_backend(call, "evict")
        chosen = await read_selection(self.asked.objnames, self.asked.template)
        await require_deleting(call, chosen)
        job = evict.EvictObjects(
            bucket=call.bucket,
            template=chosen.template,
            prefix=chosen.prefix,
            flat=self.asked.flat,
        )
        return text_reply(await begin(call, job, chosen.names))


@operation(
    "DELETE",
    "buckets/{bucket}",
    action="evict-remote-bck",
    access=Access.DESTROY_BUCKET,
    known_as="DeleteBucket",
    is_audited=True,
)
class EvictBucket:
    """Removes here all that is of the bucket; with `keep_bck_md`, the bucket stays known. One of
    HDFS always does: only its properties say which folder it is."""

    keep_bck_md: bool = query("keep_bck_md", default=False)
    keep_md: bool = query("keep_md", default=False)

    async def run(self, call: NativeCall) -> Reply:
        require_backend(call, "evict")
        keep = self.keep_bck_md or self.keep_md or is_folder(call.bucket_info)
        await forget(call, keep=keep)
        return Reply()


@operation(
    "POST",
    "buckets/{bucket}",
    action=prefetch.KIND.name,
    access=Access.GET,
    known_as="GetObject",
)
class PrefetchListRange:
    asked: FetchMessage = value(default=FetchMessage())

    async def run(self, call: NativeCall) -> Reply:
        require_backend(call, "prefetch")
        asked = self.asked
        parallel = read_threshold(asked.blob_threshold, asked.blob_chunk, asked.blob_workers)
        chosen = await read_selection(self.asked.objnames, self.asked.template)
        await require_reading(call, chosen)
        job = prefetch.PrefetchObjects(
            bucket=call.bucket,
            template=chosen.template,
            prefix=self.asked.prefix or chosen.prefix,
            flat=self.asked.flat,
            go_on=self.asked.go_on,
            latest=self.asked.latest_ver,
            at_once=self.asked.workers,
            parallel=parallel,
        )
        return text_reply(await begin(call, job, chosen.names))
