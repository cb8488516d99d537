"""Rechunking jobs: all objects of a bucket, or those with a prefix."""

from __future__ import annotations

from msgspec import Struct, field

from cluster.jobs import rechunk
from cluster.jobs.rechunk import ChunkSizes, Rechunk
from s3gw.access import Access
from s3gw.config.bucket_properties import (
    PROPERTIES,
    BucketProperties,
    Chunks,
    problem_together,
    properties_of,
    with_property,
)
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.dotted_keys import read_value_of
from s3gw.native.errors import NativeError
from s3gw.native.jobs.starting import begin, jobs_of
from s3gw.native.names import bck_of
from s3gw.native.operation import operation, value
from s3gw.objects.bucket_chunks import chunking
from storage.values import BucketInfo


class RechunkMessage(Struct, frozen=True):
    """Without a limit, objects are joined again; the chunk size is the bucket's unless it is
    sent."""

    limit: int | str = field(default=0, name="objsize-limit")
    size: int | str = field(default=0, name="chunk-size")
    prefix: str = ""
    sync_remote: bool = field(default=False, name="sync-remote")


@operation(
    "POST",
    "buckets/{bucket}",
    action=rechunk.KIND.name,
    access=Access.PATCH,
    known_as="PutBucketVersioning",
    is_audited=True,
)
class RechunkBucket:
    """Needs the right to change the bucket's properties. The caller neither reads nor changes an
    object."""

    asked: RechunkMessage = value(default=RechunkMessage())

    async def run(self, call: NativeCall) -> Reply:
        if self.asked.sync_remote:
            message = f'bucket "{call.bck.cname()}" has no remote backend: nothing to synchronize'
            raise NativeError(400, message)
        chunks = self._chunks(properties_of(call.bucket_info))
        return text_reply(await begin_rechunk(call, call.bucket_info, chunks, self.asked.prefix))

    def _chunks(self, kept: BucketProperties) -> Chunks:
        """Return the chunks to write. Raise 400 for values that could not be the bucket's property
        either."""
        sent = {"objsize-limit": self.asked.limit}
        if self.asked.size not in (0, "", "0"):
            sent["chunk-size"] = self.asked.size
        for name, told in sent.items():
            of_bucket = "chunks." + name.replace("-", "_")
            read = read_value_of("rechunk", name, PROPERTIES[of_bucket].type, told)
            kept = with_property(kept, of_bucket, read)
        if problem := problem_together(kept):
            raise NativeError(400, f"invalid rechunk: {problem}")
        return kept.chunks


async def begin_rechunk(
    call: NativeCall, bucket: BucketInfo, chunks: Chunks, prefix: str = ""
) -> str:
    """Return the id of the job, or of one that does the same already. Raise 409 while another one
    runs with other chunks."""
    wanted = chunking(chunks)
    sizes = ChunkSizes(wanted.limit, wanted.size)
    for job in await _running(call, bucket.name):
        if job.chunks != sizes:
            why = f'rechunk "{job.xid}" with other sizes is running: stop it first'
            raise NativeError(409, f'bucket "{bck_of(bucket.name).cname()}": {why}')
        if job.prefix == prefix:
            return job.xid
    return await begin(call, Rechunk(bucket=bucket.name, prefix=prefix, chunks=sizes))


async def _running(call: NativeCall, bucket: str) -> list[Rechunk]:
    jobs = [each.job for each in await jobs_of(call).all() if not each.is_over]
    return [job for job in jobs if isinstance(job, Rechunk) and job.bucket == bucket]
