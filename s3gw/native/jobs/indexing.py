"""Requesting the indexes of archives before their members are read."""

from __future__ import annotations

from msgspec import Struct, field

from cluster.jobs import index_shards
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.jobs.starting import begin
from s3gw.native.operation import operation, value

DEFAULT_WORKERS = 2


class IndexMessage(Struct, frozen=True):
    """An index is of one version of an archive, so there is nothing to verify or to skip."""

    prefix: str = ""
    num_workers: int = field(default=0, name="num-workers")
    skip_verify: bool = field(default=False, name="skip-verify")


@operation(
    "POST",
    "buckets/{bucket}",
    action=index_shards.KIND.name,
    access=Access.PATCH,
    known_as="PutBucketVersioning",
)
class IndexShards:
    """Needs the right to change the bucket's properties. The caller learns nothing about the
    archives' contents."""

    asked: IndexMessage = value(default=IndexMessage())

    async def run(self, call: NativeCall) -> Reply:
        workers = min(max(self.asked.num_workers or DEFAULT_WORKERS, 1), index_shards.MAX_WORKERS)
        job = index_shards.IndexShards(
            bucket=call.bucket, prefix=self.asked.prefix, workers=workers
        )
        return text_reply(await begin(call, job))
