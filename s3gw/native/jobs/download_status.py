"""Downloads as AIStore's documents show them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import UNSET, Struct, UnsetType

from cluster.jobs.download import Download
from cluster.jobs.job import JobStatus, Transfer, Transfers

_NS = 1_000_000_000
# As Go writes the beginning of its clock, by which AIStore's command line knows what is running.
_NEVER = "1970-01-01T00:00:00Z"


class DownloadJob(Struct, frozen=True, kw_only=True):
    """Counts of objects: `finished_cnt` has those that were here too, `scheduled_cnt` those that
    have begun. `total` is negative if it is not known."""

    id: str
    xaction_id: str
    description: str
    started_time: str
    finished_time: str
    finished_cnt: int
    scheduled_cnt: int
    skipped_cnt: int
    error_cnt: int
    total: int
    all_dispatched: bool
    aborted: bool

    @property
    def is_over(self) -> bool:
        return self.finished_time != _NEVER


class TransferDocument(Struct, frozen=True):
    """Sizes in bytes, as texts; a size that is not known is left out."""

    name: str
    downloaded: str
    total: str | UnsetType
    start_time: str
    end_time: str


class Failure(Struct, frozen=True):
    name: str
    error: str


class DownloadStatus(DownloadJob, frozen=True, kw_only=True):
    current_tasks: list[TransferDocument] | UnsetType = UNSET
    finished_tasks: list[TransferDocument] | UnsetType = UNSET
    download_errors: list[Failure] | UnsetType = UNSET


S = TypeVar("S", bound=DownloadJob)


def download_job(known: JobStatus) -> DownloadJob:
    return _shown(DownloadJob, known)


def download_status(known: JobStatus, *, only_active: bool) -> DownloadStatus:
    """Return the job with its objects, `only_active` with those that are on their way."""
    shown = known.state.transfers or Transfers()
    current = sorted(shown.running, key=lambda each: each.name)
    if only_active:
        return _shown(DownloadStatus, known, current_tasks=_documents(current))
    failures = [Failure(name, text) for name, text in sorted(shown.failed.items())]
    if known.state.aborted and known.state.abort_error:
        failures.append(Failure("", known.state.abort_error))
    finished = sorted(shown.finished.values(), key=lambda each: each.name)
    return _shown(
        DownloadStatus,
        known,
        current_tasks=_documents(current),
        finished_tasks=_documents(finished),
        download_errors=failures or UNSET,
    )


def _shown(kind: type[S], known: JobStatus, **more: Any) -> S:
    job, state = known.job, known.state
    assert isinstance(job, Download), "the kind was selected"
    shown = state.transfers or Transfers()
    objects, _, skipped_ahead, failed_ahead = shown.ahead
    skipped = shown.skipped + skipped_ahead
    finished, failed = state.objects + objects + skipped, state.problems + failed_ahead
    return kind(
        id=job.xid,
        xaction_id=job.xid,
        description=job.description,
        started_time=_time(job.created_ns),
        finished_time=_time(state.ended_ns or state.idle_ns),
        finished_cnt=finished,
        scheduled_cnt=finished + failed + len(shown.running),
        skipped_cnt=skipped,
        error_cnt=failed,
        total=job.count,
        all_dispatched=shown.all_known or known.is_over,
        aborted=state.aborted,
        **more,
    )


def _documents(transfers: list[Transfer]) -> list[TransferDocument] | UnsetType:
    made = [
        TransferDocument(
            each.name,
            str(each.bytes),
            str(each.total) if each.total else UNSET,
            _time(each.started_ns),
            _time(each.ended_ns),
        )
        for each in transfers
    ]
    return made or UNSET


def _time(ns: int) -> str:
    if not ns:
        return _NEVER
    seconds, rest = divmod(ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
