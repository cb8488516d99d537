"""Jobs: starting, finding, stopping, and waiting for their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, NoReturn

from s3gw.client.buckets import action
from s3gw.client.call import Call, Request, Response, Steps, no_result, text_of
from s3gw.client.errors import ClientError
from s3gw.client.names import Bck, read_bck
from s3gw.client.waiting import Now, wait_until

# These wait for more work when theirs is done, and are idle then.
IDLING = frozenset(
    [
        "ec-get",
        "ec-put",
        "ec-resp",
        "put-copies",
        "archive",
        "copy-listrange",
        "etl-listrange",
        "download",
        "list",
        "get-batch",
    ]
)
_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Job:
    """One job, over all nodes. Times are RFC 3339, or empty; `documents` are the server's snaps."""

    id: str
    kind: str
    started: str
    ended: str
    objects: int
    bytes: int
    buckets: tuple[Bck, ...]
    error: str
    is_aborted: bool
    is_idle: bool
    documents: tuple[Mapping[str, Any], ...]

    @property
    def is_over(self) -> bool:
        return bool(self.ended)

    @property
    def is_done(self) -> bool:
        """Whether its work is done, even if it waits for more."""
        return self.is_over or (self.kind in IDLING and self.is_idle)

    @property
    def state(self) -> str:
        if self.is_aborted:
            return "aborted"
        if self.is_over:
            return "failed" if self.error else "finished"
        return "idle" if self.is_idle else "running"


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Conditions of a search; empty ones match every job."""

    id: str = ""
    kind: str = ""
    buckets: Sequence[Bck] = ()
    only_active: bool = False

    @property
    def document(self) -> dict[str, Any]:
        buckets = [bck.document for bck in self.buckets] or None
        document = {"ID": self.id, "Kind": self.kind, "DaemonID": "", "Buckets": buckets}
        return {**document, "Bck": None, **({"show_active": True} if self.only_active else {})}


def find_jobs(query: JobQuery) -> Call[list[Job]]:
    """Return the latest first; an empty list where the server knows none."""
    request = Request("GET", "cluster", {"what": "qryxstats"}, query.document)
    return Call(request, _jobs, if_missing=list)


def find_job(job_id: str) -> Call[Job]:
    """Return one job. The error of an unknown id has status 404."""

    def the_only(response: Response) -> Job:
        found = _jobs(response)
        return found[0] if found else missing()

    def missing() -> NoReturn:
        next_step = "`s3gw job ls --all` lists those that are remembered."
        raise ClientError(f"job {job_id!r} does not exist", status=404, next_step=next_step)

    return Call(find_jobs(JobQuery(id=job_id)).request, the_only, if_missing=missing)


def start_job(
    kind: str, buckets: Sequence[Bck], *, node: str = "", force: bool = False
) -> Call[str]:
    """Return the job's id."""
    value: dict[str, Any] = {"ID": "", "Kind": kind, "DaemonID": node, "Bck": None}
    documents = [bck.document for bck in buckets]
    value |= {"Buckets": documents or None, **({"Bck": documents[0]} if documents else {})}
    query = {"frc": "true"} if force else {}
    return Call(Request("PUT", "cluster", query, action("start", value)), text_of)


def start_on_bucket(kind: str, bck: Bck, value: Any) -> Call[str]:
    """Start a job of a kind that is started by a request for its bucket; return its id."""
    return Call(Request("POST", bck.path, bck.query, action(kind, value)), text_of)


def stop_jobs(query: JobQuery) -> Call[None]:
    return Call(Request("PUT", "cluster", {}, action("stop", query.document)), no_result)


def wait_for_job(
    job_id: str,
    watch: Callable[[Job], None] | None = None,
    timeout_s: float = 0.0,
    now: Now = time.monotonic,
) -> Steps[Job]:
    """Return the job when its work is done; `watch` receives its states. Raises `ClientError` when
    it is not done within the timeout, if there is one."""
    late = ClientError(
        f"the job {job_id} is not done after {timeout_s:g} s",
        next_step=f"It continues: s3gw job wait {job_id}",
    )
    look = partial(find_job, job_id)
    return wait_until(attrgetter("is_done"), look, watch, timeout_s, late, now)


def _jobs(response: Response) -> list[Job]:
    nodes: Mapping[str, Any] = response.json() or {}
    snaps: dict[str, list[Mapping[str, Any]]] = {}
    for of_node in nodes.values():
        for snap in of_node or ():
            snaps.setdefault(snap["id"], []).append(snap)
    found = [_job(each) for each in snaps.values()]
    return sorted(found, key=lambda job: job.started, reverse=True)


def _job(snaps: Sequence[Mapping[str, Any]]) -> Job:
    first = snaps[0]
    ends = [_time(snap.get("end-time", "")) for snap in snaps]
    return Job(
        id=first["id"],
        kind=first["kind"],
        started=min(_time(snap.get("start-time", "")) for snap in snaps),
        ended=max(ends) if all(ends) else "",
        objects=_sum(snaps, "loc-objs"),
        bytes=_sum(snaps, "loc-bytes"),
        buckets=_buckets(first),
        error="; ".join(dict.fromkeys(_errors(snaps))),
        is_aborted=any(snap.get("aborted") for snap in snaps),
        is_idle=all(snap.get("is_idle") for snap in snaps),
        documents=tuple(snaps),
    )


def _errors(snaps: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for snap in snaps:
        yield from filter(None, (snap.get("abort-err"), snap.get("err")))


def _buckets(snap: Mapping[str, Any]) -> tuple[Bck, ...]:
    """Return source and target, or the only bucket of the job."""
    ends = [snap.get("src-bck") or {}, snap.get("dst-bck") or {}]
    named = ends if any(each.get("name") for each in ends) else [snap.get("bck") or {}]
    return tuple(read_bck(each) for each in named if each.get("name"))


def _sum(snaps: Sequence[Mapping[str, Any]], counter: str) -> int:
    return sum(int((snap.get("stats") or {}).get(counter) or 0) for snap in snaps)


def _time(text: str) -> str:
    return "" if text == _NEVER else text
