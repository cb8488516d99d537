"""Dsorts: jobs that sort the records of shards into new shards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, NoReturn

from s3gw.client.call import Call, Request, Response, Steps, no_result, text_of
from s3gw.client.errors import ClientError
from s3gw.client.names import Bck, read_bck
from s3gw.client.waiting import Now, wait_until

_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Sort:
    """One dsort, over all targets. Times are RFC 3339, or empty; `bytes` are of the extracted
    content, and `documents` are the server's, by target."""

    id: str
    description: str
    source: Bck
    target: Bck
    started: str
    ended: str
    shards: int
    total: int
    records: int
    bytes: int
    created: int
    to_create: int
    phase: str
    is_aborted: bool
    is_over: bool
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    documents: Mapping[str, Any]

    @property
    def state(self) -> str:
        if self.is_aborted:
            return "failed" if self.error else "aborted"
        return "finished" if self.is_over else self.phase

    @property
    def error(self) -> str:
        """Why it failed; empty for one that did not, or that a user stopped."""
        return "; ".join(text for text in self.errors if text != "user abort")


def start_sort(spec: Mapping[str, Any]) -> Call[str]:
    """Return the job's id; the specification is AIStore's."""
    return Call(Request("POST", "sort", {}, dict(spec)), text_of)


def find_sort(job_id: str) -> Call[Sort]:
    """Return one job. The error of an unknown id has status 404."""

    def missing() -> NoReturn:
        next_step = "`s3gw dsort ls --all` lists those that are remembered."
        raise ClientError(f"dsort {job_id!r} does not exist", status=404, next_step=next_step)

    return Call(
        Request("GET", "sort", {"uuid": job_id}),
        lambda response: _sort(response.json()),
        if_missing=missing,
    )


def list_sorts(regex: str = "", *, only_active: bool = False) -> Call[list[Sort]]:
    """Return the jobs whose descriptions match, the latest first."""
    query = {"regex": regex, **({"only_active": "true"} if only_active else {})}

    def sorts(response: Response) -> list[Sort]:
        found = [_sort({"": each}) for each in response.json() or ()]
        return sorted(found, key=lambda each: each.started, reverse=True)

    return Call(Request("GET", "sort", query), sorts)


def abort_sort(job_id: str) -> Call[None]:
    return Call(Request("DELETE", "sort/abort", {"uuid": job_id}), no_result)


def remove_sort(job_id: str) -> Call[None]:
    """Forget a job that is over."""
    return Call(Request("DELETE", "sort", {"uuid": job_id}), no_result)


def wait_for_sort(
    job_id: str,
    watch: Callable[[Sort], None] | None = None,
    timeout_s: float = 0.0,
    now: Now = time.monotonic,
) -> Steps[Sort]:
    """Return the job when it is over; `watch` receives its states. Raises `ClientError` when it is
    not over within the timeout, if there is one."""
    late = ClientError(
        f"the dsort {job_id} is not done after {timeout_s:g} s",
        next_step=f"It continues: s3gw dsort wait {job_id}",
    )
    look = partial(find_sort, job_id)
    return wait_until(attrgetter("is_over"), look, watch, timeout_s, late, now)


def _sort(documents: Mapping[str, Any]) -> Sort:
    each = list(documents.values())
    first, metrics = each[0], [document["Metrics"] for document in each]
    extraction = [one["local_extraction"] for one in metrics]
    creation = [one["shard_creation"] for one in metrics]
    ends = [_time(one["end_time"]) for one in creation]
    return Sort(
        id=first["id"],
        description=metrics[0].get("description") or "",
        source=read_bck(first["src-bck"]),
        target=read_bck(first["dst-bck"]),
        started=min(_time(document["started_time"]) for document in each),
        ended=max(ends) if all(ends) else "",
        shards=_sum(extraction, "extracted_count"),
        total=max(int(one["total_count"]) for one in extraction),
        records=_sum(extraction, "extracted_record_count"),
        bytes=_sum(extraction, "extracted_size"),
        created=_sum(creation, "created_count"),
        to_create=_sum(creation, "to_create"),
        phase=_phase(metrics),
        is_aborted=any(document["aborted"] for document in each),
        is_over=all(document["archived"] or document["aborted"] for document in each),
        warnings=tuple(text for one in metrics for text in one.get("warnings") or ()),
        errors=tuple(text for one in metrics for text in one.get("errors") or ()),
        documents=documents,
    )


def _phase(metrics: Iterable[Mapping[str, Any]]) -> str:
    names = {"shard_creation": "creating", "meta_sorting": "sorting"}
    names["local_extraction"] = "extracting"
    for name, word in names.items():
        if any(one[name]["running"] for one in metrics):
            return word
    return "waiting"


def _sum(documents: Iterable[Mapping[str, Any]], counter: str) -> int:
    return sum(int(document.get(counter) or 0) for document in documents)


def _time(text: str) -> str:
    return "" if text == _NEVER else text
