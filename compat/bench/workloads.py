"""The workloads: what each is called, what it needs, and how it loads a subject."""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum

from compat.bench import batches, cloud
from compat.bench.measure import Meter
from compat.bench.multipart import upload_in_parts
from compat.bench.outcome import LoadFailed, Outcome, outcome_of
from compat.bench.prepare import KIB, MIB, NO_END_S, OBJECTS, list_keys, paths, put_all
from compat.bench.scale import Scale
from compat.bench.slow_cloud import CLOUD_BUCKET
from compat.bench.stream import (
    Connection,
    Payload,
    Request,
    StreamLoad,
    payload,
    run_streams,
)
from compat.bench.subjects import BIG_LIST, BUCKET, ENCRYPTED, SMALL_LIST, VERSIONS, Can, Subject
from compat.bench.wrk import WrkLoad, run_wrk

BULK_CLIENTS = 4
CROWD = 64
ONE_STREAM = "put-one"
DELETED_AT_ONCE = 1_000
_LIST_CONNECTIONS = 8
_LIST_TARGETS = 64


class Unit(Enum):
    """How a rate is told: its name, and what to divide it by."""

    REQUESTS = ("requests/s", 1.0)
    OBJECTS = ("objects/s", 1.0)
    BYTES = ("MiB/s", float(MIB))

    def of(self, outcome: Outcome) -> float:
        return outcome.bytes_per_second if self is Unit.BYTES else outcome.per_second


Load = Callable[[Subject, Scale, Meter], Outcome]


@dataclass(frozen=True, slots=True)
class Workload:
    """`title` has places for figures of the scale. Neighbours with the same `turns` run in turns,
    several times."""

    name: str
    title: str
    unit: Unit
    load: Load
    needs: Can = Can.FILES
    turns: str = ""

    def title_at(self, scale: Scale) -> str:
        return self.title.format(scale=scale)


def small(method: str, kind: str, *, body: bool = False) -> Load:
    """Small requests over all objects of a kind."""
    size = OBJECTS[kind][1]

    def load(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
        lines = [f"{method} {subject.target(method, path)}" for path in paths(kind)]
        answered = size if method == "GET" else 0
        job = WrkLoad(lines, scale.small_s, 16, size if body else 0, answered)
        return _warm_and_run(subject, job, scale, meter)

    return load


def listing(bucket: str, delimiter: str) -> Load:
    """Pages of 1,000; in the big bucket they begin anywhere, unless a delimiter makes it one."""

    def load(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
        asked = {"list-type": "2", "max-keys": "1000"}
        starts = [""] if bucket == SMALL_LIST or delimiter else _random_keys(scale.big_list)
        queries = [asked | ({"start-after": start} if start else {}) for start in starts]
        more = {"delimiter": delimiter} if delimiter else {}
        lines = [f"GET {subject.target('GET', f'/{bucket}', each | more)}" for each in queries]
        job = WrkLoad(lines, scale.small_s, _LIST_CONNECTIONS)
        return _warm_and_run(subject, job, scale, meter)

    return load


def versions(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
    """A page of 1,000 versions and delete markers, of some 2,000."""
    target = subject.target("GET", f"/{VERSIONS}", {"versions": "", "max-keys": "1000"})
    job = WrkLoad([f"GET {target}"], scale.small_s, _LIST_CONNECTIONS)
    return _warm_and_run(subject, job, scale, meter)


def bulk(method: str, clients: int, bucket: str = BUCKET) -> Load:
    """Objects of 256 MiB, each client on its own."""
    size = OBJECTS["256m"][1]

    def load(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
        body = payload(size) if method == "PUT" else b""
        targets = paths("256m", bucket=bucket)[:clients]
        plans = [_endless(subject, method, path, body) for path in targets]
        with meter:
            return run_streams(subject.host, StreamLoad(plans, scale.bulk_s))

    return load


def crowd(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
    """Half of the clients read, the others write, 256 MiB each."""
    size = OBJECTS["256m"][1]
    reading = itertools.cycle(paths("256m"))
    written = [f"/{BUCKET}/crowd/{number}" for number in range(CROWD // 2)]
    puts = [_request(subject, "PUT", path, payload(size)) for path in written]
    gets = [_request(subject, "GET", next(reading), b"") for _ in range(CROWD - len(puts))]
    plans = [[request] for request in (*puts, *gets)]
    with meter:
        outcome = run_streams(subject.host, StreamLoad(plans, NO_END_S, scale.crowd_s))
    _remove(subject, written)
    return outcome


def multipart(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
    latencies = []
    size = 0
    with meter:
        for number in range(scale.uploads):
            began = time.perf_counter()
            size += upload_in_parts(subject, f"/{BUCKET}/multipart/{number % 2}")
            latencies.append(time.perf_counter() - began)
    return outcome_of(latencies, sum(latencies), size)


def in_rounds(run: Callable[[Subject, int, Meter], Outcome]) -> Load:
    return lambda subject, scale, meter: run(subject, scale.batches, meter)


def deletion(subject: Subject, scale: Scale, meter: Meter) -> Outcome:
    """A thousand objects in one call; only that call is measured."""
    names = [f"delete/{number:04d}" for number in range(DELETED_AT_ONCE)]
    request = _delete_request(subject, names)
    connection = Connection(subject.host)
    latencies = []
    for _ in range(scale.deletions):
        put_all(subject, [f"/{BUCKET}/{name}" for name in names], b"x")
        with meter:
            began = time.perf_counter()
            answer = connection.send(request, keep=True)
            latencies.append(time.perf_counter() - began)
        if answer.content.count(b"<Deleted>") != DELETED_AT_ONCE:
            raise LoadFailed(f"DeleteObjects: {answer.content[:500]!r}")
    connection.close()
    return outcome_of(latencies, sum(latencies), 0)


WORKLOADS = (
    Workload("get-4k", "GET 4 KiB", Unit.REQUESTS, small("GET", "4k")),
    Workload("head", "HEAD", Unit.REQUESTS, small("HEAD", "empty")),
    Workload("put-4k", "PUT 4 KiB", Unit.REQUESTS, small("PUT", "4k", body=True)),
    Workload("get-1m", "GET 1 MiB", Unit.BYTES, small("GET", "1m")),
    Workload("put-1m", "PUT 1 MiB", Unit.BYTES, small("PUT", "1m", body=True)),
    Workload("get-256m", "GET 256 MiB, 4 clients", Unit.BYTES, bulk("GET", BULK_CLIENTS)),
    Workload("put-256m", "PUT 256 MiB, 4 clients", Unit.BYTES, bulk("PUT", BULK_CLIENTS)),
    Workload(ONE_STREAM, "PUT 256 MiB, one stream", Unit.BYTES, bulk("PUT", 1)),
    Workload("sse-get", "GET 256 MiB with SSE-S3, 4 clients", Unit.BYTES,
             bulk("GET", BULK_CLIENTS, ENCRYPTED), Can.ENCRYPTION),
    Workload("sse-put", "PUT 256 MiB with SSE-S3, one stream", Unit.BYTES,
             bulk("PUT", 1, ENCRYPTED), Can.ENCRYPTION),
    Workload("multipart", "multipart 1 GiB, 8 parts in flight", Unit.BYTES, multipart, Can.S3),
    Workload("list-1k", "list 1,000 of 1,000 keys", Unit.REQUESTS, listing(SMALL_LIST, ""), Can.S3),
    Workload("list-1k-delimiter", "the same with a delimiter", Unit.REQUESTS,
             listing(SMALL_LIST, "/"), Can.S3),
    Workload("list-big", "list 1,000 of {scale.big_list:,} keys", Unit.REQUESTS,
             listing(BIG_LIST, ""), Can.BIG_LIST),
    Workload("list-big-delimiter", "the same with a delimiter, {scale.big_list:,} keys",
             Unit.REQUESTS, listing(BIG_LIST, "/"), Can.BIG_LIST),
    Workload("list-versions", "list 1,000 versions", Unit.REQUESTS, versions, Can.VERSIONS),
    Workload("delete-1000", "delete 1,000 in one call", Unit.REQUESTS, deletion, Can.S3),
    Workload("objects-one-by-one", "1,000 objects of 10 KiB, one by one", Unit.OBJECTS,
             in_rounds(batches.one_by_one(batches.objects)), Can.NATIVE),
    Workload("objects-32", "the same, 32 clients", Unit.OBJECTS,
             in_rounds(batches.many_clients(batches.objects)), Can.NATIVE),
    Workload("batch", "the same in one batch", Unit.OBJECTS,
             in_rounds(batches.batch(batches.OF_OBJECTS)), Can.NATIVE),
    Workload("batch-first-byte", "the first byte of that batch", Unit.REQUESTS,
             in_rounds(batches.first_byte(batches.OF_OBJECTS)), Can.NATIVE),
    Workload("members-one-by-one", "1,000 members of a tar of 1 GiB, one by one", Unit.OBJECTS,
             in_rounds(batches.one_by_one(batches.members)), Can.NATIVE),
    Workload("members-32", "the same, 32 clients", Unit.OBJECTS,
             in_rounds(batches.many_clients(batches.members)), Can.NATIVE),
    Workload("batch-members", "the same in one batch", Unit.OBJECTS,
             in_rounds(batches.batch(batches.OF_MEMBERS)), Can.NATIVE),
    Workload("native-list", "native list, 10,000 names and sizes", Unit.REQUESTS,
             in_rounds(batches.native_list("")), Can.BIG_LIST | Can.NATIVE),
    Workload("native-list-all", "native list, 10,000 with every property", Unit.REQUESTS,
             in_rounds(batches.native_list(batches.EVERY_PROPERTY)), Can.BIG_LIST | Can.NATIVE),
    Workload("cold-large", "{scale.blob_mib} MiB of a cloud, cold GET", Unit.BYTES,
             cloud.large({}), Can.CLOUD, "large"),
    Workload("blob-get", "the same, as a blob download", Unit.BYTES,
             cloud.large({"Ais-Blob-Download": "true"}), Can.CLOUD, "large"),
    Workload("blob-job", "the same, by the job blob-download", Unit.BYTES,
             cloud.large_by_job, Can.CLOUD, "large"),
    Workload("cold-small", "objects of 1 MiB of a cloud, cold GETs one by one", Unit.OBJECTS,
             cloud.one_by_one, Can.CLOUD, "small"),
    Workload("prefetch", "{scale.prefetched:,} of them by prefetch-listrange", Unit.OBJECTS,
             cloud.prefetch, Can.CLOUD, "small"),
    Workload("cold-first-byte", "the first byte of a cold GET, 1 MiB", Unit.REQUESTS,
             cloud.first_byte, Can.COLD_BYTE),
    Workload("warm-4k", "GET 4 KiB of a cloud, warm", Unit.REQUESTS,
             cloud.warm(CLOUD_BUCKET, 4 * KIB), Can.CLOUD, "warm 4 KiB"),
    Workload("warm-4k-own", "the same of a bucket of our own", Unit.REQUESTS,
             cloud.warm(cloud.LOCAL_BUCKET, 4 * KIB), Can.CLOUD, "warm 4 KiB"),
    Workload("warm-1m", "GET 1 MiB of a cloud, warm", Unit.BYTES,
             cloud.warm(CLOUD_BUCKET, MIB), Can.CLOUD, "warm 1 MiB"),
    Workload("warm-1m-own", "the same of a bucket of our own", Unit.BYTES,
             cloud.warm(cloud.LOCAL_BUCKET, MIB), Can.CLOUD, "warm 1 MiB"),
    Workload("crowd", "64 clients, 256 MiB each, half of them PUT", Unit.BYTES, crowd),
)  # fmt: skip


def _warm_and_run(subject: Subject, job: WrkLoad, scale: Scale, meter: Meter) -> Outcome:
    if scale.warm_up_s:
        run_wrk(subject.host, replace(job, seconds=scale.warm_up_s))
    with meter:
        return run_wrk(subject.host, job)


def _random_keys(count: int) -> list[str]:
    """Places to begin, none so late that its page would not be full."""
    last = count - count // 100 - 1_000
    chosen = set(random.Random(1).sample(range(last), _LIST_TARGETS))
    return [key for number, key in enumerate(list_keys(count)) if number in chosen]


def _request(subject: Subject, method: str, path: str, body: bytes | Payload) -> Request:
    return Request(method, subject.target(method, path), body)


def _remove(subject: Subject, written: Sequence[str]) -> None:
    """Those that are there: what was cut off is not."""
    connection = Connection(subject.host)
    for path in written:
        with suppress(LoadFailed):
            connection.send(Request("DELETE", subject.target("DELETE", path)))
    connection.close()


def _endless(subject: Subject, method: str, path: str, body: bytes | Payload) -> Iterator[Request]:
    return itertools.repeat(_request(subject, method, path, body))


def _delete_request(subject: Subject, names: Sequence[str]) -> Request:
    rows = "".join(f"<Object><Key>{name}</Key></Object>" for name in names)
    body = f"<Delete>{rows}</Delete>".encode()
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    target = subject.target("POST", f"/{BUCKET}", {"delete": ""})
    return Request("POST", target, body, {"Content-MD5": md5, "Content-Type": "application/xml"})
