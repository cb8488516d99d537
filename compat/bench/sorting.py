"""A dsort of 2 GiB beside reading and writing it once: `python -m compat.bench.sorting`.

A real server with shards of 64 MiB, each full of records of a size. A round copies the bucket with
a job of the server, which reads and writes every byte once, and sorts it in a few orders. The CPU
is that of all processes of the server.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from compat.bench.outcome import LoadFailed
from compat.bench.prepare import KIB, MIB, make_buckets, put_all
from compat.bench.stream import Connection, Payload, Request
from compat.bench.subjects import Gateway
from storage.archives import ArchiveFormat, Entry, archive_writer

WORKERS = 2
SHARD_BYTES = 64 * MIB
SOURCE = "bench-shards"
_LOOK_S = 0.02
_ORDERS = ("alphanumeric", "shuffle")


@dataclass(frozen=True, slots=True)
class Took:
    what: str
    seconds: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Sorting:
    gateway: Gateway
    shards: int

    def rounds(self, count: int) -> Iterator[Took]:
        for number in range(count):
            yield self._copy(f"bench-copy-{number}")
            for order in _ORDERS:
                yield self._sort(order, f"bench-{order}-{number}")

    def _copy(self, target: str) -> Took:
        message = {"action": "copy-bck", "value": {}}
        where = f"buckets/{SOURCE}?bck_to=ais/@%23/{target}/"
        return self._took("copy", target, self._begin(where, message))

    def _sort(self, order: str, target: str) -> Took:
        spec = {
            "input_bck": {"name": SOURCE},
            "output_bck": {"name": target},
            "input_format": {"template": f"in-{{0..{self.shards - 1}}}"},
            "input_extension": ".tar",
            "output_format": "out-{00000..99999}",
            "output_shard_size": "64MiB",
            "algorithm": {"kind": order, "seed": "1" if order == "shuffle" else ""},
        }
        return self._took(order, target, self._begin("sort", spec))

    def _took(self, what: str, target: str, xid: str) -> Took:
        began, cpu = time.perf_counter(), self._cpu_s()
        while not (status := self._status(xid))["end_time"]:
            time.sleep(_LOOK_S)
        if status["err"]:
            raise LoadFailed(f"{what}: {status['err']}")
        took = Took(what, time.perf_counter() - began, self._cpu_s() - cpu)
        self._send("DELETE", f"buckets/{target}", {"action": "destroy-bck"})
        return took

    def _begin(self, where: str, message: Any) -> str:
        return self._send("POST", where, message).decode()

    def _status(self, xid: str) -> dict[str, Any]:
        found = self._send("GET", "cluster?what=status", {"ID": xid})
        status: dict[str, Any] = json.loads(found)
        return status

    def _cpu_s(self) -> float:
        of_all = psutil.Process(self.gateway.pid).children(recursive=True)
        return sum(sum(each.cpu_times()[:2]) for each in of_all)

    def _send(self, method: str, where: str, message: Any) -> bytes:
        headers = {"Authorization": f"Bearer {self.gateway.token()}"}
        headers["Content-Type"] = "application/json"
        connection = Connection(self.gateway.host)
        try:
            body = json.dumps(message).encode()
            return connection.send(
                Request(method, f"/v1/{where}", body, headers), keep=True
            ).content
        finally:
            connection.close()


def shard(number: int, record_bytes: int) -> bytes:
    """A tar of records with two members, in no order of their names."""
    writer, chance = archive_writer(ArchiveFormat.TAR), random.Random(number)
    content = os.urandom(record_bytes)
    made = []
    for _ in range(SHARD_BYTES // record_bytes):
        name = f"{chance.getrandbits(48):012x}"
        made.append(writer.whole(Entry(f"{name}.jpg", record_bytes), content))
        made.append(writer.whole(Entry(f"{name}.cls", 2), b"%02d" % chance.randrange(100)))
    return b"".join((*made, writer.finish()))


def run(folder: Path, asked: argparse.Namespace) -> None:
    count = asked.mib * MIB // SHARD_BYTES
    with Gateway(folder / "server", "uvicorn", WORKERS) as gateway:
        make_buckets(gateway, [SOURCE])
        for number in range(count):
            body = Payload(shard(number, asked.record_kib * KIB))
            put_all(gateway, [f"/{SOURCE}/in-{number}.tar"], body)
        found: dict[str, list[Took]] = {}
        for took in Sorting(gateway, count).rounds(asked.rounds):
            found.setdefault(took.what, []).append(took)
    once = median(each.seconds for each in found["copy"])
    for what, each in found.items():
        seconds = median(one.seconds for one in each)
        cpu_s = median(one.cpu_s for one in each)
        rate = count * SHARD_BYTES / MIB / seconds
        share = f"{once / seconds:.2f} of reading and writing once"
        print(f"{what:14}{seconds:7.2f} s {rate:7.0f} MiB/s   CPU {cpu_s:6.2f} s   {share}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compat.bench.sorting", description=__doc__)
    add = parser.add_argument
    add("--mib", type=int, default=2048, metavar="N", help="of all shards (default: 2048)")
    add("--record-kib", type=int, default=100, metavar="N", help="of a record (default: 100)")
    add("--rounds", type=int, default=3, metavar="N")
    add("--folder", type=Path, help="where the data of the run goes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="compat-sorting-", dir=asked.folder) as made:
        run(Path(made), asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
