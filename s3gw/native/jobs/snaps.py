"""Jobs as AIStore's documents show them: snapshots, statuses, summaries.

Counters of 64 bits are texts. `glob.id` packs how many walk and how many work: bits 0 to 9, and 10
to 19.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct, field

from cluster.jobs.job import Job, JobStatus, Tally
from s3gw.config.types import show_size
from s3gw.native.bucket_props import Namespace
from s3gw.native.names import bck_of
from storage.values import Usage

_NS = 1_000_000_000
_NEVER = "0001-01-01T00:00:00Z"


class BckDocument(Struct, frozen=True):
    name: str = ""
    provider: str = ""
    namespace: Namespace = Namespace()


class Stats(Struct, frozen=True, rename="kebab"):
    loc_objs: str = "0"
    loc_bytes: str = "0"
    out_objs: str = "0"
    out_bytes: str = "0"
    in_objs: str = "0"
    in_bytes: str = "0"


class Snap(Struct, frozen=True, kw_only=True):
    """One job on one target."""

    id: str
    kind: str
    start_time: str = field(name="start-time")
    end_time: str = field(name="end-time")
    bck: BckDocument = BckDocument()
    src_bck: BckDocument = field(default=BckDocument(), name="src-bck")
    dst_bck: BckDocument = field(default=BckDocument(), name="dst-bck")
    ctlmsg: str = ""
    abort_err: str = field(default="", name="abort-err")
    err: str = ""
    glob_id: str = field(default="0", name="glob.id")
    stats: Stats = Stats()
    aborted: bool = False
    is_idle: bool = False
    ext: None = None


class Status(Struct, frozen=True):
    """`end_time` in nanoseconds since the epoch, 0 while it runs."""

    kind: str
    uuid: str
    err: str
    end_time: int
    aborted: bool


def snap_of(known: JobStatus) -> Snap:
    job, state = known.job, known.state
    copies = bool(job.target)
    stats = Stats(loc_objs=str(state.objects), loc_bytes=str(state.bytes))
    return Snap(
        id=job.xid,
        kind=job.kind,
        start_time=_time(job.created_ns),
        end_time=_time(state.ended_ns),
        bck=bck_document(job.bucket),
        src_bck=bck_document(job.bucket if copies else ""),
        dst_bck=bck_document(job.target if copies else ""),
        ctlmsg=_parameters(job),
        abort_err=state.abort_error,
        err=state.error,
        glob_id=str(1 | job.workers << 10),
        stats=stats,
        aborted=state.aborted,
        # As in AIStore, a job that has ended is also idle.
        is_idle=known.is_idle or state.ended_ns > 0,
    )


def status_of(known: JobStatus) -> Status:
    job, state = known.job, known.state
    return Status(
        job.kind, job.xid, state.abort_error or state.error, state.ended_ns, state.aborted
    )


def summary_of(bucket: str, tally: Tally, usage: Usage) -> Mapping[str, Any]:
    """Return the counts, of what is here and of what the backend has. On the disk are all
    versions."""
    capacity = usage.capacity_bytes
    return {
        **msgspec.structs.asdict(bck_document(bucket)),
        "ObjCount": {
            "obj_count_present": str(tally.objects),
            "obj_count_remote": str(tally.remote_objects),
        },
        "ObjSize": {
            "obj_min_size": tally.smallest,
            "obj_avg_size": tally.bytes // max(tally.objects, 1),
            "obj_max_size": tally.largest,
        },
        "TotalSize": {
            "size_on_disk": str(tally.stored),
            "size_all_present_objs": str(tally.bytes),
            "size_all_remote_objs": str(tally.remote_bytes),
            "total_disks_size": str(capacity),
        },
        "used_pct": tally.stored * 100 // capacity if capacity else 0,
        "is_present": True,
    }


def bck_document(stored: str) -> BckDocument:
    """Return a bucket of the store as documents name it; an empty one without a name."""
    if not stored:
        return BckDocument()
    bck = bck_of(stored)
    return BckDocument(bck.name, bck.provider, Namespace(name=bck.namespace))


def _parameters(job: Job) -> str:
    """Return the parameters as AIStore's clients show them, sizes with a unit."""
    shown = {
        name: show_size(value) if isinstance(value, int) else value
        for name, value in job.parameters.items()
    }
    return ", ".join(f"{name}:{text}" for name, text in shown.items() if text)


def _time(ns: int) -> str:
    if not ns:
        return _NEVER
    seconds, rest = divmod(ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
