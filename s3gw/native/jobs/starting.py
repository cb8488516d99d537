"""Start of jobs for the caller.

The answer is the id, bare text, as AIStore's clients read it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from cluster.jobs.job import NOTHING_DONE, Counted, Job
from cluster.jobs.registry import Registry, TooManyJobs
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode


def jobs_of(call: NativeCall) -> Registry:
    return call.native.jobs


async def begin(call: NativeCall, job: Job, names: Sequence[str] = ()) -> str:
    """Register the job with its list of names and return its id. Raise 429 for too many jobs."""
    try:
        registered = await jobs_of(call).add(_requested(call, job), names)
    except TooManyJobs as error:
        raise NativeError(429, str(error), Tcode.TOO_MANY) from None
    return registered.xid


async def begin_ended(call: NativeCall, job: Job, done: Counted = NOTHING_DONE) -> str:
    """Register a job that the request itself has done, and return its id."""
    return (await jobs_of(call).add_ended(_requested(call, job), done)).xid


def _requested(call: NativeCall, job: Job) -> Job:
    return replace(job, requested_by=call.requested_by)
