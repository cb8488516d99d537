"""GetBatch beside single GETs, members of archives beside plain objects, and the native list.

A batch is a thousand objects of 10 KiB, or the members of a tar of 1 GiB that are like them; the
same is asked one by one and by many clients.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence

from compat.bench.measure import Meter
from compat.bench.outcome import LoadFailed, Outcome, outcome_of
from compat.bench.prepare import KIB, MIB, NO_END_S, put_all
from compat.bench.stream import Connection, Payload, Request, StreamLoad, payload, run_streams
from compat.bench.subjects import BIG_LIST, BUCKET, Subject
from storage.archives import ArchiveFormat, Entry, archive_writer

COUNT, SIZE = 1_000, 10 * KIB
PADDING = 1 << 30
CLIENTS = 32
PAGE = 10_000
EVERY_PROPERTY = "name,size,version,checksum,atime,cached,status,copies,ec,custom,location,chunked"
_SHARD = "shard.tar"
_OBJECTS = [f"batch/{number:06d}" for number in range(COUNT)]
_MEMBERS = [f"m/{number:06d}" for number in range(COUNT)]

Requests = Callable[[Subject], Sequence[Request]]


def prepare_batches(subject: Subject) -> None:
    put_all(subject, [f"/{BUCKET}/{name}" for name in _OBJECTS], payload(SIZE))
    put_all(subject, [f"/{BUCKET}/{_SHARD}"], Payload(_shard()))
    # The first read of a member makes the tar's index.
    Connection(subject.host).send(members(subject)[0])


def _shard() -> bytes:
    """Most of it is one member that nobody wants."""
    writer = archive_writer(ArchiveFormat.TAR)
    content = payload(SIZE).content
    small = [writer.whole(Entry(name, SIZE), content) for name in _MEMBERS]
    big = writer.whole(Entry("padding", PADDING), bytes(PADDING))
    return b"".join((*small[: COUNT // 2], big, *small[COUNT // 2 :], writer.finish()))


def objects(subject: Subject) -> list[Request]:
    return [Request("GET", subject.target("GET", f"/{BUCKET}/{name}")) for name in _OBJECTS]


def members(subject: Subject) -> list[Request]:
    path = f"/{BUCKET}/{_SHARD}"
    asked = ({"archpath": name} for name in _MEMBERS)
    return [Request("GET", subject.target("GET", path, each)) for each in asked]


def one_by_one(requests: Requests) -> Callable[[Subject, int, Meter], Outcome]:
    def load(subject: Subject, rounds: int, meter: Meter) -> Outcome:
        plan = [request for _ in range(rounds) for request in requests(subject)]
        with meter:
            return run_streams(subject.host, StreamLoad([plan], NO_END_S))

    return load


def many_clients(requests: Requests) -> Callable[[Subject, int, Meter], Outcome]:
    def load(subject: Subject, rounds: int, meter: Meter) -> Outcome:
        every = [request for _ in range(rounds) for request in requests(subject)]
        plans = [every[number::CLIENTS] for number in range(CLIENTS)]
        with meter:
            return run_streams(subject.host, StreamLoad(plans, NO_END_S))

    return load


def batch(entries: Sequence[Mapping[str, str]]) -> Callable[[Subject, int, Meter], Outcome]:
    """Objects, each in a time that is the batch's."""

    def load(subject: Subject, rounds: int, meter: Meter) -> Outcome:
        with meter:
            times = _received(subject, entries, rounds)
        ends = [end for _, end in times]
        each = outcome_of(ends, sum(ends), rounds * COUNT * SIZE)
        return Outcome(rounds * COUNT, each.seconds, each.size_bytes, each.p50_ms, each.p99_ms)

    return load


def first_byte(entries: Sequence[Mapping[str, str]]) -> Callable[[Subject, int, Meter], Outcome]:
    def load(subject: Subject, rounds: int, meter: Meter) -> Outcome:
        with meter:
            times = _received(subject, entries, rounds)
        return outcome_of([first for first, _ in times], sum(end for _, end in times), 0)

    return load


OF_OBJECTS = [{"objname": name} for name in _OBJECTS]
OF_MEMBERS = [{"objname": _SHARD, "archpath": name} for name in _MEMBERS]


def native_list(props: str) -> Callable[[Subject, int, Meter], Outcome]:
    """Pages of ten thousand, from the beginning of the big bucket."""

    def load(subject: Subject, rounds: int, meter: Meter) -> Outcome:
        message = {"action": "list", "value": {"pagesize": PAGE, "props": props, "flags": "0"}}
        headers = {"Accept": "application/msgpack", "Authorization": f"Bearer {subject.token()}"}
        target = f"/v1/buckets/{BIG_LIST}?provider=ais"
        request = Request("GET", target, json.dumps(message).encode(), headers)
        with meter:
            return run_streams(subject.host, StreamLoad([[request] * rounds * 10], NO_END_S))

    return load


def _received(
    subject: Subject, entries: Sequence[Mapping[str, str]], rounds: int
) -> list[tuple[float, float]]:
    """When the first and the last byte of each batch came, in seconds."""
    target = subject.target("POST", f"/{BUCKET}", {"get-batch": ""})
    asked = {"in": entries, "mime": ".tar", "strm": True, "coer": True}
    request = Request("POST", target, json.dumps(asked).encode())
    connection = Connection(subject.host)
    try:
        return [_receive(connection, request) for _ in range(rounds)]
    finally:
        connection.close()


def _receive(connection: Connection, request: Request) -> tuple[float, float]:
    """The answer is chunked, and only counted."""
    began = time.perf_counter()
    connection.begin(request)
    size, first, tail = 0, 0.0, b""
    while not tail.endswith(b"\r\n0\r\n\r\n"):
        piece = connection.receive(MIB)
        first = first or time.perf_counter() - began
        size += len(piece)
        tail = (tail + piece)[-7:]
    if size < COUNT * SIZE:
        raise LoadFailed(f"a batch of {size} bytes")
    return first, time.perf_counter() - began
