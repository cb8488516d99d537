"""Queries over a million objects: `python -m compat.bench.finding`.

A real server with many empty objects in one bucket, written straight into its index. Each query
goes through all of them, and the CPU is that of all processes of the server.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from compat.bench.outcome import LoadFailed
from compat.bench.prepare import load_big_list, make_buckets
from compat.bench.stream import Connection, Request
from compat.bench.subjects import BIG_LIST, Gateway

_PAGE = 10_000


def function(name: str, *args: object) -> dict[str, Any]:
    return {"type": "F", "filter_name": name, "args": [str(arg) for arg in args]}


def both(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "AND", "inner_filters": list(filters)}


QUERIES = {
    "size": function("size_ge", 1),
    "ext": function("ext", "jpg"),
    "size and mtime": both(function("size_le", 0), function("mtime_after", 1_800_000_000 * 10**9)),
    "name and size": both(function("name", "k00?9*"), function("size_le", 0)),
    "regexp": function("regexp", "/k0*7$"),
}


def find(gateway: Gateway, condition: dict[str, Any]) -> tuple[int, float, float]:
    """Return how many objects were found, in how many seconds, with how much CPU."""
    began, cpu = time.perf_counter(), _cpu_s(gateway)
    query = {"from": {"bucket": {"name": BIG_LIST}}, "where": {"filter": condition}}
    handle = _send(gateway, "POST", "init", {"query": query}).decode()
    count = 0
    while True:
        try:
            page = json.loads(_send(gateway, "GET", "next", {"handle": handle, "size": _PAGE}))
        except LoadFailed as error:
            if "finished" not in str(error):
                raise
            break
        count += len(page)
    return count, time.perf_counter() - began, _cpu_s(gateway) - cpu


def _cpu_s(gateway: Gateway) -> float:
    of_all = psutil.Process(gateway.pid).children(recursive=True)
    return sum(sum(each.cpu_times()[:2]) for each in of_all)


def _send(gateway: Gateway, method: str, what: str, message: Any) -> bytes:
    headers = {"Authorization": f"Bearer {gateway.token()}", "Content-Type": "application/json"}
    connection = Connection(gateway.host)
    try:
        request = Request(method, f"/v1/query/{what}", json.dumps(message).encode(), headers)
        return connection.send(request, keep=True).content
    finally:
        connection.close()


def run(folder: Path, objects: int) -> None:
    gateway = Gateway(folder / "server", "uvicorn", 1)
    with gateway:
        make_buckets(gateway, [BIG_LIST])
    load_big_list(gateway.server.data, objects)
    with gateway:
        gateway.token()
        for name, condition in QUERIES.items():
            found, seconds, cpu_s = find(gateway, condition)
            print(f"{name:16}{found:9,} of {objects:,}   {seconds:6.2f} s   CPU {cpu_s:6.2f} s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compat.bench.finding", description=__doc__)
    parser.add_argument("--objects", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--folder", type=Path, help="where the data of the run goes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="compat-finding-", dir=asked.folder) as made:
        run(Path(made), asked.objects)
    return 0


if __name__ == "__main__":
    sys.exit(main())
