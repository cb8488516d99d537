"""Blob downloads: one large object, in many ranges at once."""

from __future__ import annotations

from msgspec import Struct, field

from cluster.jobs import blob_download
from cluster.jobs.job import Counted
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.jobs.rights import require_reading
from s3gw.native.jobs.selection import read_selection
from s3gw.native.jobs.starting import begin, begin_ended
from s3gw.native.operation import operation, value
from s3gw.native.parallel import read_parallel
from s3gw.native.remote_buckets import require_backend
from storage.values import ObjectInfo, Parallel


async def record_download(call: NativeCall, parallel: Parallel, info: ObjectInfo) -> None:
    """Have the download that a read of the object has begun among the jobs, unless it was one
    stream: AIStore's clients look for it there."""
    if info.size < parallel.least_bytes:
        return
    job = blob_download.BlobDownload(bucket=call.bucket, name=info.name, parallel=parallel)
    await begin_ended(call, job, Counted(1, info.size))


class BlobMessage(Struct, frozen=True):
    chunk: int | str = field(default=0, name="chunk-size")
    workers: int | str = field(default=0, name="num-workers")
    latest: bool = field(default=False, name="latest-ver")


@operation(
    "POST",
    "objects/{bucket}",
    action=blob_download.KIND.name,
    access=Access.GET,
    known_as="GetObject",
)
class BlobDownload:
    """The message's name is the object's."""

    asked: BlobMessage = value(default=BlobMessage())

    async def run(self, call: NativeCall) -> Reply:
        require_backend(call, "download")
        chosen = await read_selection([call.message.name], None)
        await require_reading(call, chosen)
        parallel = read_parallel(self.asked.chunk, self.asked.workers)
        job = blob_download.BlobDownload(
            bucket=call.bucket,
            name=chosen.names[0],
            latest=self.asked.latest,
            parallel=parallel,
        )
        return text_reply(await begin(call, job))
