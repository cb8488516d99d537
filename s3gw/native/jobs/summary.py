"""Bucket summaries: a job that counts, and its result.

The first request is answered 202 with the job's id, and so are those before its end; then the same
request, with the id, is answered 200 with the result. It may be a GET, or a HEAD that wants the
bucket's properties too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from cluster.jobs import summary
from cluster.jobs.job import JobStatus, Tally
from cluster.jobs.summary import Summary
from s3gw.access import Access, authorize, usable
from s3gw.http.reply import Reply
from s3gw.native.actmsg import json
from s3gw.native.answers import text_reply
from s3gw.native.bucket_props import props_json
from s3gw.native.call import NativeCall
from s3gw.native.errors import JSON, NativeError, Tcode, unsupported
from s3gw.native.jobs.snaps import summary_of
from s3gw.native.jobs.starting import begin, jobs_of
from s3gw.native.names import bck_of, is_asked
from s3gw.native.object_names import prefix_of, without_wildcard
from s3gw.native.operation import operation, query, value
from s3gw.native.presence import is_here, is_outside
from s3gw.native.remote_buckets import Reference
from s3gw.wire.errors import S3Error
from storage.errors import BucketNotFound

PROPS = "Ais-Bucket-Props"
SUMMARY = "Ais-Bucket-Summ"
JOB_ID = "Ais-Xaction-Id"


class SummaryMessage(Struct, frozen=True):
    """With `cached`, only what is here is counted of a remote bucket."""

    uuid: str = ""
    prefix: str = ""
    cached: bool = False
    present: bool = False


@operation(
    "GET",
    "buckets/{bucket}",
    action=summary.KIND.name,
    access=Access.LIST_OBJECTS,
    known_as="ListObjectsV2",
)
class SummarizeBucket:
    asked: SummaryMessage = value(default=SummaryMessage())

    @property
    def s3_query(self) -> dict[str, str]:
        """Return the query as S3's policies see it."""
        return {"prefix": self._prefix}

    @property
    def _prefix(self) -> str:
        return prefix_of(self.asked.prefix, summary.KIND.name)

    async def run(self, call: NativeCall) -> Reply:
        if not self.asked.uuid:
            xid = await _begin(call, self._prefix, here_only=self.asked.cached)
            return text_reply(xid, status=202)
        return await _outcome(call, self.asked.uuid)


@operation(
    "GET",
    "buckets",
    action=summary.KIND.name,
    access=Access.LIST_BUCKETS,
    known_as="ListBuckets",
)
class SummarizeBuckets:
    """All buckets that the query names, by provider and namespace, and that the caller may list."""

    asked: SummaryMessage = value(default=SummaryMessage())

    async def run(self, call: NativeCall) -> Reply:
        if self.asked.uuid:
            return await _outcome(call, self.asked.uuid)
        prefix = prefix_of(self.asked.prefix, summary.KIND.name)
        found = tuple([name async for name in _listable(call, prefix)])
        job = Summary(buckets=found, prefix=prefix, here_only=self.asked.cached)
        xid = await begin(call, job)
        return text_reply(xid, status=202)


async def _listable(call: NativeCall, prefix: str) -> AsyncIterator[str]:
    buckets = await call.store.list_buckets()
    meant = [bucket for bucket in buckets if is_asked(call.bck, bck_of(bucket.name))]
    for bucket in await usable(call, meant):
        of_bucket = replace(call, bck=bck_of(bucket.name), bucket=bucket.name)
        of_bucket.operation, of_bucket.query = "ListObjectsV2", {"prefix": prefix}
        with suppress(S3Error, BucketNotFound):
            await authorize(of_bucket, Access.LIST_OBJECTS)
            yield bucket.name


async def _outcome(call: NativeCall, uuid: str) -> Reply:
    """Return the result of the caller's own summary, or its id until it is over."""
    known = await _find(call, uuid)
    if not known.is_over:
        return text_reply(known.job.xid, status=202)
    body = b"[" + b",".join(await _results(call, known)) + b"]"
    return Reply(headers={"Content-Type": JSON}, body=body)


@operation(
    "HEAD", "buckets/{bucket}/{prefix}", access=Access.LIST_OBJECTS, known_as="ListObjectsV2"
)
class HeadBucketBelow:
    """HEAD of a bucket with a summary of the keys that have the prefix."""

    bsumm_remote: bool | None = query("bsumm_remote", default=None)
    presence: int = query("presence", default=0)
    uuid: str = query("uuid", default="")
    dont_add: bool = query("dont_add_remote_bck_md", default=False)

    @property
    def reference(self) -> Reference:
        return Reference(adds=not self.dont_add, looks=not is_here(self.presence))

    async def run(self, call: NativeCall) -> Reply:
        if self.bsumm_remote is None:
            raise NativeError(400, "a prefix needs bsumm_remote")
        prefix, call.key = without_wildcard(call.key), ""
        wanted = SummaryWanted(self.presence, prefix, self.uuid, here_only=not self.bsumm_remote)
        return await bucket_with_summary(call, wanted)


class SummaryWanted(Struct, frozen=True):
    """Of the keys with the prefix; `uuid` is that of a summary that was begun."""

    presence: int = 0
    prefix: str = ""
    uuid: str = ""
    here_only: bool = False


async def bucket_with_summary(call: NativeCall, wanted: SummaryWanted) -> Reply:
    """Return the bucket's properties, and the summary once it is complete."""
    presence, prefix, uuid = wanted.presence, wanted.prefix, wanted.uuid
    if is_outside(presence):
        raise BucketNotFound(call.bucket)
    if call.is_outside:
        raise unsupported(f"a summary of {call.bck.cname()}, which is not to be added,")
    call.operation, call.query = "ListObjectsV2", {"prefix": prefix}
    await authorize(call, Access.LIST_OBJECTS)
    headers = {PROPS: props_json(call.bucket_info)}
    if not uuid:
        xid = await _begin(call, prefix, here_only=wanted.here_only)
        return Reply(202, headers | {JOB_ID: xid})
    known = await _find(call, uuid)
    headers[JOB_ID] = known.job.xid
    if not known.is_over:
        return Reply(202, headers)
    (result,) = await _results(call, known)
    return Reply(200, headers | {SUMMARY: result.decode()})


async def _begin(call: NativeCall, prefix: str, *, here_only: bool) -> str:
    return await begin(call, Summary(bucket=call.bucket, prefix=prefix, here_only=here_only))


async def _find(call: NativeCall, uuid: str) -> JobStatus:
    """Return the caller's own summary of this bucket. Raise 404 if there is not one of that id."""
    known = await jobs_of(call).find(uuid)
    if known is not None:
        job, mine = known.job, (call.bucket, call.caller.identity)
        if isinstance(job, Summary) and (job.bucket, job.requested_by.identity) == mine:
            return known
    raise NativeError(404, f'xaction "{uuid[:64]}" not found', Tcode.NOT_FOUND)


async def _results(call: NativeCall, known: JobStatus) -> list[bytes]:
    """Return the summary of each bucket as JSON. Raise 409 for a job that was stopped before its
    end."""
    state = known.state
    if state.aborted:
        raise NativeError(409, f'summary "{known.job.xid}" was aborted: {state.abort_error}')
    usage, bucket, sizes = await call.store.usage(), known.job.bucket, state.sizes
    whole = Tally(
        state.objects,
        state.bytes,
        sizes.smallest,
        sizes.largest,
        sizes.stored,
        sizes.remote_objects,
        sizes.remote_bytes,
    )
    tallies = {bucket: whole} if bucket else state.tallies
    return [json(summary_of(name, tally, usage)) for name, tally in tallies.items()]
