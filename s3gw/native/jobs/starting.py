"""Registering a job for the caller, and answering its id: bare text, as AIStore's clients read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cluster.jobs.records import Job
from cluster.jobs.registry import Registry, TooManyJobs
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode


def jobs_of(call: NativeCall) -> Registry:
    return call.native.jobs


async def begin(call: NativeCall, kind: str, names: Sequence[str] = (), **orders: Any) -> str:
    """The id of a new job; `orders` are the fields of `Job`. Raises 429 when there are too many."""
    try:
        job = await jobs_of(call).add(_maker(call, kind, orders), names)
    except TooManyJobs as error:
        raise NativeError(429, str(error), Tcode.TOO_MANY) from None
    return job.xid


async def begin_ended(call: NativeCall, kind: str, **orders: Any) -> str:
    """The id of a job whose work the request itself has done."""
    return (await jobs_of(call).add_ended(_maker(call, kind, orders))).xid


def _maker(call: NativeCall, kind: str, orders: dict[str, Any]) -> Callable[[str, int], Job]:
    requested_by = call.requested_by

    def make(xid: str, now_ns: int) -> Job:
        return Job(xid, kind, now_ns, requested_by, **orders)

    return make
