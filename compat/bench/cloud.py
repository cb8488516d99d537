"""The fast tier in front of a slow cloud: cold, in ranges, ahead of time, and warm.

Each cold read finds nothing here: what it brings is evicted when its time is over, before the next.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from compat.bench.measure import Meter
from compat.bench.outcome import LoadFailed, Outcome, outcome_of
from compat.bench.prepare import KIB, MIB, NO_END_S, make_buckets, put_all
from compat.bench.scale import Scale
from compat.bench.slow_cloud import CLOUD_BUCKET
from compat.bench.slow_s3 import key_of
from compat.bench.stream import Connection, Request, StreamLoad, payload, run_streams
from compat.bench.subjects import Can, Subject
from compat.bench.wrk import WrkLoad, run_wrk

LOCAL_BUCKET = "bench-local"
# The objects that stay here, and how many; what is read cold has higher numbers.
WARM = {4 * KIB: 1_000, MIB: 64}
_FIRST_COLD = 1_000
_PREPARING_CLIENTS = 16
_POLL_S = 0.01

Load = Callable[[Subject, Scale, Meter], Outcome]


def prepare_cloud(subject: Subject) -> None:
    """Have the cloud's bucket known, what is read warm in both buckets, and all processes of the
    server past their first use of the cloud, when they import its library."""
    make_buckets(subject, [LOCAL_BUCKET])
    _send(subject, "HEAD", f"buckets/{CLOUD_BUCKET}")
    for size, count in WARM.items():
        keys = [key_of(size, number) for number in range(count)]
        put_all(subject, [f"/{LOCAL_BUCKET}/{key}" for key in keys], payload(size))
        requests = [_get(subject, key) for key in keys]
        plans = [requests[first::_PREPARING_CLIENTS] for first in range(_PREPARING_CLIENTS)]
        run_streams(subject.host, StreamLoad(plans, NO_END_S))
    _wait_for(subject, _begin_prefetch(subject, _cold_keys(4 * KIB, 10)))


def large(headers: Mapping[str, str]) -> Load:
    """One large object, as one answer to one client."""

    def load(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
        keys = _cold_keys(scale.blob_mib * MIB, 1)
        with _evicted(subject, keys):
            request = _native(subject, "GET", f"objects/{CLOUD_BUCKET}/{keys[0]}", headers=headers)
            with meter:
                return run_streams(subject.host, StreamLoad([[request]], NO_END_S))

    return load


def large_by_job(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
    size = scale.blob_mib * MIB
    keys = _cold_keys(size, 1)
    with _evicted(subject, keys):
        message = {"action": "blob-download", "name": keys[0], "value": {}}
        with meter:
            began = time.perf_counter()
            _wait_for(subject, _send(subject, "POST", f"objects/{CLOUD_BUCKET}", message))
            seconds = time.perf_counter() - began
    return outcome_of([seconds], seconds, size)


def one_by_one(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
    keys = _cold_keys(MIB, scale.cold_gets)
    with _evicted(subject, keys), meter:
        plan = [_get(subject, key) for key in keys]
        return run_streams(subject.host, StreamLoad([plan], NO_END_S))


def prefetch(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
    """Objects, each in a time that is the job's."""
    keys = _cold_keys(MIB, scale.prefetched)
    with _evicted(subject, keys):
        with meter:
            began = time.perf_counter()
            _wait_for(subject, _begin_prefetch(subject, keys))
            seconds = time.perf_counter() - began
        if missing := set(keys) - _names_here(subject, f"{MIB}/"):
            raise LoadFailed(f"{len(missing)} objects were not fetched")
    each = outcome_of([seconds], seconds, len(keys) * MIB)
    return replace(each, requests=len(keys))


def first_byte(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
    """From the request to the first byte of the content of 1 MiB, one by one."""
    keys = _cold_keys(MIB, scale.first_bytes)
    connection = Connection(subject.host)
    try:
        with _evicted(subject, keys), meter:
            times = [_first_byte(connection, _get(subject, key)) for key in keys]
    finally:
        connection.close()
    return outcome_of(times, sum(times), 0)


def warm(bucket: str, size: int) -> Load:
    def load(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
        keys = [key_of(size, number) for number in range(WARM[size])]
        lines = [f"GET {subject.target('GET', f'/{bucket}/{key}')}" for key in keys]
        job = WrkLoad(lines, scale.small_s, answer_bytes=size)
        if scale.warm_up_s:
            run_wrk(subject.host, replace(job, seconds=scale.warm_up_s))
        with meter:
            return run_wrk(subject.host, job)

    return load


def _cold_keys(size: int, count: int) -> list[str]:
    return [key_of(size, _FIRST_COLD + number) for number in range(count)]


def _get(subject: Subject, key: str) -> Request:
    return Request("GET", subject.target("GET", f"/{CLOUD_BUCKET}/{key}"))


def _first_byte(connection: Connection, request: Request) -> float:
    began = time.perf_counter()
    connection.begin(request)
    data = b""
    while not data.partition(b"\r\n\r\n")[2]:
        data += connection.receive(64 * KIB)
    first = time.perf_counter() - began
    head, _, content = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise LoadFailed(f"{request.target}: {head[:500]!r}")
    left = MIB - len(content)
    while left:
        left -= len(connection.receive(left))
    return first


@contextmanager
def _evicted(subject: Subject, keys: Sequence[str]) -> Iterator[None]:
    """Remove here at the end what the block has brought."""
    yield
    if Can.CLOUD in subject.can:
        message = {"action": "evict-listrange", "value": {"objnames": keys}}
        _wait_for(subject, _send(subject, "DELETE", f"buckets/{CLOUD_BUCKET}", message))
        if left := set(keys) & _names_here(subject, keys[0].partition("/")[0]):
            raise LoadFailed(f"{len(left)} objects were not evicted")


def _begin_prefetch(subject: Subject, keys: Sequence[str]) -> str:
    """Return the job's id."""
    message = {"action": "prefetch-listrange", "value": {"objnames": keys}}
    return _send(subject, "POST", f"buckets/{CLOUD_BUCKET}", message)


def _names_here(subject: Subject, prefix: str) -> set[str]:
    value = {"props": "name", "flags": "1", "prefix": prefix}
    message = {"action": "list", "value": value}
    found = json.loads(_send(subject, "GET", f"buckets/{CLOUD_BUCKET}", message))
    return {entry["name"] for entry in found["entries"] or []}


def _wait_for(subject: Subject, job: str) -> None:
    """Return when the job is done. Raises `LoadFailed` when it failed."""
    request = _native(subject, "GET", "cluster?what=status", {"ID": job})
    connection = Connection(subject.host)
    try:
        while True:
            status = json.loads(connection.send(request, keep=True).content)
            if status["err"] or status["aborted"]:
                raise LoadFailed(f"{status['kind']}: {status['err']}")
            if status["end_time"]:
                return
            time.sleep(_POLL_S)
    finally:
        connection.close()


def _send(subject: Subject, method: str, path: str, message: Any = None) -> str:
    connection = Connection(subject.host)
    try:
        return connection.send(_native(subject, method, path, message), keep=True).content.decode()
    finally:
        connection.close()


def _native(
    subject: Subject,
    method: str,
    path: str,
    message: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    body = b"" if message is None else json.dumps(message).encode()
    target = f"/v1/{path}{'&' if '?' in path else '?'}provider=aws"
    said = {"Authorization": f"Bearer {subject.token()}", "Content-Type": "application/json"}
    return Request(method, target, body, said | dict(headers or {}))
