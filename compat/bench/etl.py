"""Speed of transformers: reads through an echo beside plain reads, and a job beside the echo alone.

    python -m compat.bench.etl [--objects 10000] [--size 102400] [--reads 200]

The echo is a program of the standard library, so the figures are of the server and not of a
framework. The two sides of each comparison take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from compat.server import Server, clean_up_when_terminated

MIB = 1 << 20
ROUNDS = 5
AT_ONCE = 4
_ECHO = """
import os, socketserver
from http.server import BaseHTTPRequestHandler, HTTPServer

class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_GET(self):
        self.answer(b"ok")
    def do_PUT(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

class Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 128

print(os.environ["PORT"], flush=True)
Server((os.environ["HOST"], int(os.environ["PORT"])), Echo).serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """The server under test, with the echo as a transformer; `echo_port` is the echo's own."""

    port: int
    echo_port: int

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            return answered(connection, method, path, body)
        finally:
            connection.close()

    def put_all(self, bucket: str, count: int, body: bytes) -> None:
        self.ask("POST", f"/v1/buckets/{bucket}", json.dumps({"action": "create-bck"}).encode())
        at_once(self.port, count, lambda c, n: answered(c, "PUT", object_path(bucket, n), body))

    def transform(self, source: str, target: str) -> None:
        """Transform a bucket by a job, and wait for its end."""
        value = {"id": "echo-bench", "num-workers": 16}
        message = json.dumps({"action": "etl-bck", "value": value}).encode()
        where = f"/v1/buckets/{source}?bck_to=ais/@%23/{target}/"
        job = self.ask("POST", where, message).decode()
        while True:
            asked = json.dumps({"ID": job}).encode()
            snaps = json.loads(self.ask("GET", "/v1/cluster?what=qryxstats", asked))
            (snap,) = next(iter(snaps.values()))
            if snap["is_idle"]:
                if snap["aborted"]:
                    raise SystemExit(f"the job failed: {snap['abort-err']}")
                return
            time.sleep(0.02)


def answered(connection: HTTPConnection, method: str, path: str, body: bytes = b"") -> bytes:
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {text[:300]!r}")
    return text


def object_path(bucket: str, number: int) -> str:
    return f"/v1/objects/{bucket}/{number:06}"


def at_once(port: int, count: int, work: Callable[[HTTPConnection, int], Any]) -> None:
    """Do the work for each number, on a few connections."""

    def share(first: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=600)
        for number in range(first, count, AT_ONCE):
            work(connection, number)
        connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(share, range(AT_ONCE)))


def timed(work: Callable[..., Any], *given: Any) -> float:
    began = time.perf_counter()
    work(*given)
    return time.perf_counter() - began


@contextmanager
def running(folder: Path) -> Iterator[Bench]:
    program = folder / "echo.py"
    program.write_text(_ECHO)
    server = Server(folder, options=("--etl", "--no-auth", "--workers", "2"))
    server.start()
    try:
        bench = Bench(server.port, 0)
        runtime = {"command": [sys.executable, str(program)]}
        order = {"name": "echo-bench", "runtime": runtime, "obj_timeout": "5m"}
        bench.ask("PUT", "/v1/etl", json.dumps(order).encode())
        log = (server.data / "etl" / "echo-bench.log").read_text()
        yield Bench(server.port, int(log.split()[0]))
    finally:
        server.stop()


def inline(bench: Bench, reads: int) -> str:
    """Compare reads of 1 MiB, one after the other."""
    bench.put_all("large", 1, bytes(MIB))
    plain, through = [], []
    connection = HTTPConnection("127.0.0.1", bench.port, timeout=600)
    path = object_path("large", 0)
    for _ in range(reads):
        plain.append(timed(answered, connection, "GET", path))
        through.append(timed(answered, connection, "GET", f"{path}?etl_name=echo-bench"))
    before, after = statistics.median(plain), statistics.median(through)
    return (
        f"read of 1 MiB: {before * 1e3:.2f} ms plain, {after * 1e3:.2f} ms through an echo: "
        f"{after / before:.2f} times"
    )


def offline(bench: Bench, count: int, size: int) -> str:
    """Compare a job over many objects with the same bytes sent to the echo alone."""
    body = bytes(size)
    bench.put_all("many", count, body)
    alone, jobs = [], []

    def send(connection: HTTPConnection, number: int) -> None:
        answered(connection, "PUT", f"/many/{number:06}", body)

    for turn in range(ROUNDS):
        alone.append(timed(at_once, bench.echo_port, count, send))
        jobs.append(timed(bench.transform, "many", f"made-{turn}"))
    echo, job = statistics.median(alone), statistics.median(jobs)
    return (
        f"{count} objects of {size} bytes: {count / echo:.0f}/s by the echo alone, "
        f"{count / job:.0f}/s by a job: {echo / job:.2f} of it"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m compat.bench.etl")
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=100 << 10)
    parser.add_argument("--reads", type=int, default=200)
    options = parser.parse_args()
    clean_up_when_terminated()
    with (
        tempfile.TemporaryDirectory(prefix="compat-etl-") as folder,
        running(Path(folder)) as bench,
    ):
        print(inline(bench, options.reads), flush=True)
        print(offline(bench, options.objects, options.size), flush=True)


if __name__ == "__main__":
    main()
