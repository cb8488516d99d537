"""What a job writes, as a request of S3 that asks for it, and the events that tell of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cluster.jobs.records import Job
from s3gw.events.events import Cause, ObjectEvent
from s3gw.http.request import Call
from s3gw.http.services import Services
from s3gw.identity.accounts import ROOT_ACCOUNT, Principal
from storage.backend import Backend
from storage.values import BucketInfo

_ROOT = Principal(ROOT_ACCOUNT, is_root=True)


def job_call(
    store: Backend, services: Services, target: BucketInfo, key: str, job: Job, operation: str
) -> Call:
    """As the root account would ask S3 for it, with no header at all."""
    return Call(
        method="PUT",
        raw_path=b"",
        query_string=b"",
        headers={},
        body=_nothing(),
        store=store,
        request_id=job.cause.request_id,
        bucket=target.name,
        key=key,
        principal=_ROOT,
        bucket_info=target,
        operation=operation,
        services=services,
    )


async def tell(
    services: Services, bucket: BucketInfo, job: Job, events: Sequence[ObjectEvent]
) -> None:
    if services.notifier is not None and events:
        cause = Cause(job.cause.by, job.cause.client, job.cause.request_id)
        await services.notifier.announce(bucket, cause, events)


async def _nothing() -> AsyncIterator[bytes]:
    for _ in ():
        yield b""
