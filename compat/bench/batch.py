"""GetBatch beside single GETs, and members of archives beside plain objects:
`python -m compat.bench.batch`.

All loads take turns on one server in one run, so that their ratios hold whatever else the machine
does. A load is a thousand objects of 10 KiB, or the members of a tar of 1 GiB that are like them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compat.bench.measure import Meter
from compat.bench.prepare import KIB, MIB, NO_END_S, make_buckets, put_all
from compat.bench.stream import Connection, Payload, Request, StreamLoad, payload, run_streams
from compat.bench.subjects import BUCKET, Gateway
from storage.archives import ArchiveFormat, Entry, archive_writer

COUNT, SIZE = 1_000, 10 * KIB
PADDING = 1 << 30
CLIENTS = 32
SHARD = "shard.tar"
WORKERS = 2
_EXPECTED = (
    ("objects: 8 times sequential GETs", "batch", "one by one", 8.0),
    ("objects: twice 32 clients", "batch", "32 clients", 2.0),
    ("members: 8 times sequential GETs", "batch of members", "members one by one", 8.0),
    ("members: twice 32 clients", "batch of members", "members, 32 clients", 2.0),
    ("a member: half the rate of a plain GET", "members one by one", "one by one", 0.5),
)


@dataclass
class Load:
    """What is done in each round; `seconds` and `cpu_s` are of each."""

    name: str
    run: Callable[[], None]
    meter: Meter
    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def measure(self) -> None:
        before, began = self.meter.cpu_s, time.perf_counter()
        with self.meter:
            self.run()
        self.seconds.append(time.perf_counter() - began)
        self.cpu_s.append(self.meter.cpu_s - before)

    @property
    def rate(self) -> float:
        return COUNT / statistics.median(self.seconds)

    def line(self) -> str:
        cpu_us = 1e6 * statistics.median(self.cpu_s) / COUNT
        return f"{self.name:24} {self.rate:10,.0f} objects/s {cpu_us:8.0f} us of processor each"


def shard() -> bytes:
    """A tar of 1 GiB, most of it one member that nobody wants."""
    writer = archive_writer(ArchiveFormat.TAR)
    content = payload(SIZE).content
    small = [writer.whole(Entry(f"m/{number:06d}", SIZE), content) for number in range(COUNT)]
    big = writer.whole(Entry("padding", PADDING), bytes(PADDING))
    return b"".join((*small[: COUNT // 2], big, *small[COUNT // 2 :], writer.finish()))


class Client:
    """Everything that is asked for, signed beforehand."""

    def __init__(self, gateway: Gateway) -> None:
        self.host = gateway.host
        self._names = [f"batch/{number:06d}" for number in range(COUNT)]
        self._members = [f"m/{number:06d}" for number in range(COUNT)]
        sign = gateway.target
        self.objects = [Request("GET", sign("GET", f"/{BUCKET}/{name}")) for name in self._names]
        self.members = [
            Request("GET", sign("GET", f"/{BUCKET}/{SHARD}", {"archpath": name}))
            for name in self._members
        ]
        batch = sign("POST", f"/{BUCKET}", {"get-batch": ""})
        self.batch = Request("POST", batch, _document([{"objname": name} for name in self._names]))
        entries = [{"objname": SHARD, "archpath": name} for name in self._members]
        self.batch_of_members = Request("POST", batch, _document(entries))
        self._connection = Connection(self.host)
        self.first_byte_share: list[float] = []

    def prepare(self, gateway: Gateway) -> None:
        make_buckets(gateway, [BUCKET])
        put_all(gateway, [f"/{BUCKET}/{name}" for name in self._names], payload(SIZE))
        put_all(gateway, [f"/{BUCKET}/{SHARD}"], Payload(shard()))

    def one_by_one(self, requests: Sequence[Request]) -> None:
        for request in requests:
            self._connection.send(request)

    def crowd(self, requests: Sequence[Request]) -> None:
        plans = [requests[number::CLIENTS] for number in range(CLIENTS)]
        run_streams(self.host, StreamLoad(plans, NO_END_S))

    def stream(self, request: Request) -> None:
        began = time.perf_counter()
        first, size = self._receive(request)
        self.first_byte_share.append((first - began) / (time.perf_counter() - began))
        assert size > COUNT * SIZE

    def _receive(self, request: Request) -> tuple[float, int]:
        """When the first byte came, and how many did: the answer is chunked, and only counted."""
        sock = self._connection.socket
        head = f"{request.method} {request.target} HTTP/1.1\r\nHost: {self.host}\r\n"
        body = request.body
        assert isinstance(body, bytes)
        sock.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        size, first, tail = 0, 0.0, b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            piece = sock.recv(MIB)
            assert piece, "the server closed the connection"
            first = first or time.perf_counter()
            size += len(piece)
            tail = (tail + piece)[-7:]
        return first, size


def _document(entries: list[dict[str, str]]) -> bytes:
    return json.dumps({"in": entries, "mime": ".tar", "strm": True, "coer": True}).encode()


def loads(client: Client, gateway: Gateway) -> list[Load]:
    def load(name: str, run: Callable[[], None]) -> Load:
        return Load(name, run, Meter(gateway))

    return [
        load("one by one", lambda: client.one_by_one(client.objects)),
        load("32 clients", lambda: client.crowd(client.objects)),
        load("batch", lambda: client.stream(client.batch)),
        load("members one by one", lambda: client.one_by_one(client.members)),
        load("members, 32 clients", lambda: client.crowd(client.members)),
        load("batch of members", lambda: client.stream(client.batch_of_members)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compat.bench.batch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often (default: %(default)s)")
    parser.add_argument("--http-server", default="hypercorn")
    parser.add_argument("--folder", type=Path, help="where the data of the run goes (2 GiB)")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="compat-batch-", dir=asked.folder) as made,
        Gateway(Path(made) / "server", asked.http_server, WORKERS) as gateway,
    ):
        client = Client(gateway)
        client.prepare(gateway)
        began = time.perf_counter()
        client.one_by_one(client.members[:1])
        index_s = time.perf_counter() - began
        measured = loads(client, gateway)
        client.first_byte_share.clear()
        for _ in range(asked.rounds):
            for each in measured:
                each.measure()
        return _report(measured, index_s, client.first_byte_share)


def _report(measured: Sequence[Load], index_s: float, shares: Sequence[float]) -> int:
    print(f"the first member of the tar, its index made: {1e3 * index_s:.0f} ms")
    rates = {each.name: each.rate for each in measured}
    for each in measured:
        print(each.line())
    print(f"first byte of a batch after {statistics.median(shares):.2f} of its time (at most 0.10)")
    met = statistics.median(shares) <= 0.1
    for text, name, other, least in _EXPECTED:
        ratio = rates[name] / rates[other]
        met = met and ratio >= least
        print(f"{text}: {ratio:.2f} (at least {least:g})")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
