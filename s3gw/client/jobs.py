"""Jobs: what they are, how they are doing, and waiting for their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s3gw.client.buckets import action
from s3gw.client.errors import ClientError
from s3gw.client.names import Bck, read_bck
from s3gw.client.transport import Client, Request

# Not over when their work is done: they wait for more of it, and are idle then.
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
_FIRST_POLL_S = 0.05
_LONGEST_POLL_S = 1.0
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
        """Whether its work is done, though more may come."""
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
    """What is empty leaves nothing out."""

    id: str = ""
    kind: str = ""
    buckets: Sequence[Bck] = ()
    only_active: bool = False

    @property
    def document(self) -> dict[str, Any]:
        buckets = [bck.document for bck in self.buckets] or None
        document = {"ID": self.id, "Kind": self.kind, "DaemonID": "", "Buckets": buckets}
        return {**document, "Bck": None, **({"show_active": True} if self.only_active else {})}


def find_jobs(client: Client, query: JobQuery) -> list[Job]:
    """The latest first; none where the server knows none."""
    request = Request("GET", "cluster", {"what": "qryxstats"}, query.document)
    try:
        nodes: Mapping[str, Any] = client.send(request).json() or {}
    except ClientError as error:
        if error.status == 404:
            return []
        raise
    snaps: dict[str, list[Mapping[str, Any]]] = {}
    for told in nodes.values():
        for snap in told or ():
            snaps.setdefault(snap["id"], []).append(snap)
    found = [_job(each) for each in snaps.values()]
    return sorted(found, key=lambda job: job.started, reverse=True)


def find_job(client: Client, xid: str) -> Job:
    """Raises `ClientError` with 404."""
    found = find_jobs(client, JobQuery(id=xid))
    if not found:
        next_step = "`s3gw job ls --all` shows those that are remembered."
        raise ClientError(f"there is no job {xid!r}", status=404, next_step=next_step)
    return found[0]


def start_job(
    client: Client, kind: str, buckets: Sequence[Bck], *, node: str = "", force: bool = False
) -> str:
    """The job's id."""
    value: dict[str, Any] = {"ID": "", "Kind": kind, "DaemonID": node, "Bck": None}
    documents = [bck.document for bck in buckets]
    value |= {"Buckets": documents or None, **({"Bck": documents[0]} if documents else {})}
    query = {"frc": "true"} if force else {}
    return client.send(Request("PUT", "cluster", query, action("start", value))).text.strip()


def start_on_bucket(client: Client, kind: str, bck: Bck, value: Any) -> str:
    """Of a kind that begins with a request about its bucket. The job's id."""
    return client.send(Request("POST", bck.path, bck.query, action(kind, value))).text.strip()


def stop_jobs(client: Client, query: JobQuery) -> None:
    client.send(Request("PUT", "cluster", {}, action("stop", query.document)))


def wait_for(
    client: Client, xid: str, watch: Callable[[Job], None] | None = None, timeout_s: float = 0.0
) -> Job:
    """The job when its work is done; `watch` sees how it goes. Raises `ClientError` when it is
    not done within the time, if there is one."""
    pause_s, begun = _FIRST_POLL_S, time.monotonic()
    while True:
        job = find_job(client, xid)
        if watch is not None:
            watch(job)
        if job.is_done:
            return job
        if timeout_s and time.monotonic() - begun + pause_s > timeout_s:
            raise ClientError(
                f"the job {xid} is not done after {timeout_s:g} s",
                next_step=f"It goes on: s3gw job wait {xid}",
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_POLL_S)


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
    """From and to, or the one that it is about."""
    ends = [snap.get("src-bck") or {}, snap.get("dst-bck") or {}]
    named = ends if any(each.get("name") for each in ends) else [snap.get("bck") or {}]
    return tuple(read_bck(each) for each in named if each.get("name"))


def _sum(snaps: Sequence[Mapping[str, Any]], counter: str) -> int:
    return sum(int((snap.get("stats") or {}).get(counter) or 0) for snap in snaps)


def _time(text: str) -> str:
    return "" if text == _NEVER else text
