"""Dsorts as AIStore's documents show them.

Counters are texts, and lengths of time are nanoseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from cluster.jobs.dsort import Dsort
from cluster.jobs.job import JobStatus
from cluster.jobs.sort_progress import Phase, SortProgress
from s3gw.native.jobs.snaps import BckDocument, bck_document

_NS = 1_000_000_000
_NEVER = "0001-01-01T00:00:00Z"


class TimeStats(Struct, frozen=True):
    """Of transfers between targets, of which there are none: one target sorts."""

    total_ms: str = "0"
    count: str = "0"
    min_ms: str = "0"
    max_ms: str = "0"
    avg_ms: str = "0"


class PhaseDocument(Struct, frozen=True, kw_only=True):
    started_time: str
    end_time: str
    elapsed: int
    running: bool
    finished: bool


class Extraction(PhaseDocument, frozen=True, kw_only=True):
    total_count: str
    extracted_count: str
    extracted_size: str
    extracted_record_count: str
    extracted_to_disk_count: str
    extracted_to_disk_size: str


class Sorting(PhaseDocument, frozen=True, kw_only=True):
    sent_stats: TimeStats = TimeStats()
    recv_stats: TimeStats = TimeStats()


class Creation(PhaseDocument, frozen=True, kw_only=True):
    to_create: str
    created_count: str
    moved_shard_count: str = "0"


class Metrics(Struct, frozen=True):
    local_extraction: Extraction
    meta_sorting: Sorting
    shard_creation: Creation
    description: str | UnsetType
    warnings: list[str] | UnsetType
    errors: list[str] | UnsetType
    aborted: bool
    archived: bool


class JobInfo(Struct, frozen=True):
    """Of the three lengths the names are AIStore's, whatever they say."""

    id: str
    src_bck: BckDocument = field(name="src-bck")
    dst_bck: BckDocument = field(name="dst-bck")
    started_time: str
    finish_time: str
    extraction_ns: int = field(name="started_meta_sorting")
    sorting_ns: int = field(name="started_shard_creation")
    creation_ns: int = field(name="finished_shard_creation")
    objects: str = field(name="loc-objs")
    bytes: str = field(name="loc-bytes")
    metrics: Metrics = field(name="Metrics")
    aborted: bool
    archived: bool


def job_info(known: JobStatus, now_ns: int) -> JobInfo:
    """Return the document of a job; `now_ns` is for the phase that is running."""
    job, state = known.job, known.state
    assert isinstance(job, Dsort), "the kind was selected"
    shown = state.sorting or SortProgress()
    over_ns = state.ended_ns
    metrics = Metrics(
        local_extraction=Extraction(
            **_phase(shown.extraction, over_ns, now_ns),
            total_count=str(shown.total),
            extracted_count=str(shown.shards),
            extracted_size=str(shown.bytes),
            extracted_record_count=str(shown.records),
            extracted_to_disk_count=str(shown.copied_shards),
            extracted_to_disk_size=str(shown.copied_bytes),
        ),
        meta_sorting=Sorting(**_phase(shown.sorting, over_ns, now_ns)),
        shard_creation=Creation(
            **_phase(shown.creation, over_ns, now_ns),
            to_create=str(shown.to_create),
            created_count=str(shown.created),
        ),
        description=job.description or UNSET,
        warnings=shown.warnings or UNSET,
        errors=[state.abort_error] if state.abort_error else UNSET,
        aborted=state.aborted,
        archived=known.is_over,
    )
    return JobInfo(
        id=job.xid,
        src_bck=bck_document(job.bucket),
        dst_bck=bck_document(job.target),
        started_time=_time(shown.extraction.began_ns or job.created_ns),
        finish_time=_time(shown.creation.ended_ns),
        extraction_ns=metrics.local_extraction.elapsed,
        sorting_ns=metrics.meta_sorting.elapsed,
        creation_ns=metrics.shard_creation.elapsed,
        objects=str(shown.shards),
        bytes=str(shown.bytes),
        metrics=metrics,
        aborted=state.aborted,
        archived=known.is_over,
    )


def _phase(phase: Phase, over_ns: int, now_ns: int) -> dict[str, Any]:
    began, ended = phase.began_ns, phase.ended_ns
    until = ended or over_ns or now_ns
    return {
        "started_time": _time(began),
        "end_time": _time(ended),
        "elapsed": max(0, until - began) if began else 0,
        "running": bool(began) and not ended and not over_ns,
        "finished": bool(ended),
    }


def _time(ns: int) -> str:
    if not ns:
        return _NEVER
    seconds, rest = divmod(ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
