"""Start, stop and watch jobs: `/v1/cluster`."""

from __future__ import annotations

from typing import Any

from cluster.jobs.catalog import BY_NAME
from cluster.jobs.job import Job
from cluster.jobs.kinds import Start
from cluster.jobs.lru import Lru
from cluster.jobs.placement import Resilver
from cluster.jobs.rechunk import Rechunk
from s3gw.access import Access
from s3gw.config.bucket_properties import properties_of
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply, text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, no_bucket, unsupported
from s3gw.native.jobs.query import JobQuery, find_jobs, read_query
from s3gw.native.jobs.rechunking import begin_rechunk
from s3gw.native.jobs.rights import require_stopping
from s3gw.native.jobs.snaps import snap_of, status_of
from s3gw.native.jobs.starting import begin, jobs_of
from s3gw.native.names import bck_of
from s3gw.native.operation import document, operation, query, value
from storage.errors import BucketNotFound
from storage.values import BucketInfo

Document = dict[str, Any]


@operation("PUT", "cluster", action="start", access=Access.ADMIN, needs_admin=True)
class StartJob:
    """A job that another request starts is not started like this, and one that this server does not
    have is refused by name."""

    asked: Document | None = value(default=None)
    force: bool = query("frc", default=False)

    async def run(self, call: NativeCall) -> Reply:
        asked = read_query(call, self.asked)
        name = asked.kind_name()
        if name is None:
            raise NativeError(400, "no job kind is given")
        kind = BY_NAME.get(name)
        if kind is None:
            raise unsupported(f'job "{name}"')
        if kind.start is not Start.BY_NAME:
            raise NativeError(400, f'job "{kind.name}" begins with a request about its bucket')
        if kind.job is Lru and self.force:
            raise unsupported("forced eviction: the objects are kept nowhere else, so it")
        if kind.job is Resilver:
            _require_target(call, asked)
        bucket = await _one_bucket(call, asked)
        if kind.of_a_bucket and bucket is None:
            raise NativeError(400, f'job "{kind.name}" needs a bucket')
        if kind.job is Rechunk and bucket is not None:
            chunks = properties_of(bucket).chunks
            return text_reply(await begin_rechunk(call, bucket, chunks))
        job: Job = kind.job(bucket=bucket.name if bucket else "")
        return text_reply(await begin(call, job))


def _require_target(call: NativeCall, asked: JobQuery) -> None:
    """Raise unless the query names this target: as in AIStore, mountpaths are one target's."""
    if not asked.node:
        raise unsupported("resilver on all targets at once: name one, so it")
    if asked.node != call.native.members.jobs_target:
        raise NativeError(404, f'target "{asked.node[:64]}" not found', Tcode.NOT_FOUND)


async def _one_bucket(call: NativeCall, asked: JobQuery) -> BucketInfo | None:
    """Return the first bucket of the query. Raise 404 unless all of them exist."""
    found = [await _find_bucket(call, name) for name in sorted(asked.buckets)]
    return found[0] if found else None


@operation("PUT", "cluster", action="stop", access=Access.SHOW_CLUSTER)
class StopJobs:
    """Stop the job with the id, or all running jobs of a kind. Only administrators, and its owner
    with the right to start it, may stop a job. A job that is over or unknown needs no stopping."""

    asked: Document | None = value(default=None)

    async def run(self, call: NativeCall) -> Reply:
        asked = read_query(call, self.asked)
        if not asked.xid and not asked.kind:
            raise NativeError(400, "neither a job's id nor a kind is given")
        found = await find_jobs(call, asked)
        running = [each for each in found if not each.is_over]
        for each in running:
            await require_stopping(call, each.job)
        for each in running:
            await jobs_of(call).stop(each.job.xid)
        return Reply()


@operation("GET", "cluster", what="status", access=Access.SHOW_CLUSTER)
class GetJobStatus:
    """Status of the job with the id, or of the latest of a kind."""

    asked: Document | None = document(default=None)

    async def run(self, call: NativeCall) -> Reply:
        asked = read_query(call, self.asked)
        if not asked.xid and not asked.kind:
            raise NativeError(400, "neither a job's id nor a kind is given")
        found = await find_jobs(call, asked)
        if not found:
            raise asked.missing()
        return json_reply(status_of(found[-1]))


@operation("GET", "cluster", what="qryxstats", access=Access.SHOW_CLUSTER)
class QueryJobs:
    """Snapshots, under the one node that runs jobs. An unknown id is an error; a kind or a bucket
    without jobs is an empty list, by which clients see that they found nothing."""

    asked: Document | None = document(default=None)

    async def run(self, call: NativeCall) -> Reply:
        asked = read_query(call, self.asked)
        for bucket in asked.buckets:
            await _find_bucket(call, bucket)
        found = await find_jobs(call, asked)
        if not found and asked.xid:
            raise asked.missing()
        node = call.native.members.jobs_target
        return json_reply({node: [snap_of(each) for each in found]})


async def _find_bucket(call: NativeCall, bucket: str) -> BucketInfo:
    """Return the document's bucket. Raise 404 if there is not one, also for callers who may not use
    it."""
    try:
        return await call.store.head_bucket(bucket)
    except BucketNotFound:
        raise no_bucket(bck_of(bucket)) from None


@operation("GET", "cluster", what="status_all", access=Access.SHOW_CLUSTER)
class GetAllStatuses:
    asked: Document | None = document(default=None)

    async def run(self, call: NativeCall) -> Reply:
        found = await find_jobs(call, read_query(call, self.asked))
        return json_reply([status_of(each) for each in found] or None)


@operation("GET", "cluster", what="running_all", access=Access.SHOW_CLUSTER)
class ListRunningJobs:
    """Jobs that are not over, idle ones among them."""

    asked: Document | None = document(default=None)

    async def run(self, call: NativeCall) -> Reply:
        found = await find_jobs(call, read_query(call, self.asked))
        running = [f"{each.job.kind}[{each.job.xid}]" for each in found if not each.is_over]
        return json_reply(running)
