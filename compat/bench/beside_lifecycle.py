"""What GETs feel of a lifecycle pass: `python -m compat.bench.beside_lifecycle`.

A real server with 400,000 empty objects in one bucket and a thousand of 4 KiB in another, which are
read at a steady rate, well below what the server can do. Rules come and go meanwhile, so that the
phases with a pass and those without take turns. A latency counts from when the request was due, so
that one that waited behind a slow one is not forgotten.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from compat.bench.outcome import LoadFailed, Outcome, outcome_of
from compat.bench.prepare import OBJECTS, load_big_list, make_buckets, paths, put_all
from compat.bench.stream import Connection, Request, payload
from compat.bench.subjects import BIG_LIST, BUCKET, Gateway

WORKERS = 2
CONNECTIONS = 4
ROUNDS = 2
PASS_ENDS_S = 60.0
# Days of a second make a turn a second: passes follow one another.
_CONFIG = "[lifecycle]\nday_s = 1.0\n"
_RULE = (
    "<Rule><ID>r{number}</ID><Status>Enabled</Status>{filter}"
    "<Expiration><Days>1</Days></Expiration></Rule>"
)
_TAGGED = "<Filter><Tag><Key>gone</Key><Value>yes</Value></Tag></Filter>"
_ALL = "<Filter><Prefix></Prefix></Filter>"
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Beside:
    """`rate` in requests/s, phases of `seconds` each."""

    gateway: Gateway
    rate: float
    seconds: float

    def run(self) -> Iterator[tuple[str, list[float]]]:
        """Each phase: what it was beside, and what each GET took in seconds. Raises `LoadFailed`
        when there was no pass."""
        for _ in range(ROUNDS):
            yield _NOTHING, self._phase()
            yield "a pass, ten rules, nothing goes", self._beside([_TAGGED] * 10, "scanned")
        yield _NOTHING, self._phase()
        yield "a pass that removes all", self._beside([_ALL], "expired")

    def _beside(self, rules: Sequence[str], kind: str) -> list[float]:
        before = self._passed(kind)
        self._put_rules(rules)
        latencies = self._phase()
        deadline = time.monotonic() + PASS_ENDS_S
        while self._passed(kind) == before:
            if time.monotonic() > deadline:
                raise LoadFailed("no lifecycle pass came to its end")
            time.sleep(0.1)
        self._drop_rules()
        return latencies

    def _phase(self) -> list[float]:
        time.sleep(1.2)  # the turn that is under way ends, and another begins
        return self._read()

    def _read(self) -> list[float]:
        begin = time.perf_counter() + 0.1
        with ThreadPoolExecutor(CONNECTIONS) as clients:
            shares = [clients.submit(self._client, begin, each) for each in range(CONNECTIONS)]
            return [latency for share in shares for latency in share.result()]

    def _client(self, begin: float, first: int) -> list[float]:
        targets = itertools.cycle(self.gateway.target("GET", path) for path in paths("4k", 250))
        connection = Connection(self.gateway.host)
        latencies = []
        for number in range(first, int(self.rate * self.seconds), CONNECTIONS):
            due = begin + number / self.rate
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.send(Request("GET", next(targets)))
            latencies.append(time.perf_counter() - due)
        connection.close()
        return latencies

    def _passed(self, kind: str) -> float:
        """How many objects passes that ended have seen to."""
        text = self._send(Request("GET", "/metrics")).decode()
        _, found, rest = text.partition(f's3gw_lifecycle_total{{kind="{kind}"}} ')
        return float(rest.split()[0]) if found else 0.0

    def _put_rules(self, filters: Sequence[str]) -> None:
        rules = (_RULE.format(number=n, filter=each) for n, each in enumerate(filters))
        document = "".join(rules)
        body = f"<LifecycleConfiguration>{document}</LifecycleConfiguration>".encode()
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        target = self.gateway.target("PUT", f"/{BIG_LIST}", {"lifecycle": ""})
        self._send(Request("PUT", target, body, {"Content-MD5": digest}))

    def _drop_rules(self) -> None:
        target = self.gateway.target("DELETE", f"/{BIG_LIST}", {"lifecycle": ""})
        self._send(Request("DELETE", target))

    def _send(self, request: Request) -> bytes:
        connection = Connection(self.gateway.host)
        try:
            return connection.send(request, keep=True).content
        finally:
            connection.close()


def run(folder: Path, asked: argparse.Namespace) -> None:
    config = folder / "s3gw.toml"
    config.write_text(_CONFIG)
    gateway = Gateway(folder / "server", "uvicorn", WORKERS, ["--config", str(config)])
    with gateway:
        make_buckets(gateway, [BUCKET, BIG_LIST])
        put_all(gateway, paths("4k"), payload(OBJECTS["4k"][1]))
    load_big_list(gateway.server.data, asked.objects)
    with gateway:
        latencies: dict[str, list[float]] = {}
        for title, phase in Beside(gateway, asked.rate, asked.seconds).run():
            latencies.setdefault(title, []).extend(phase)
    outcomes = {title: outcome_of(each, 1, 0) for title, each in latencies.items()}
    for title, outcome in outcomes.items():
        _say(title, outcome, outcomes[_NOTHING])


def _say(title: str, outcome: Outcome, beside_nothing: Outcome) -> None:
    p50, p99 = outcome.p50_ms, outcome.p99_ms
    print(
        f"{outcome.requests:6,} GETs of 4 KiB beside {title:32}"
        f"p50 {p50:5.2f} ms ({p50 / beside_nothing.p50_ms:.2f})"
        f"   p99 {p99:5.2f} ms ({p99 / beside_nothing.p99_ms:.2f})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m compat.bench.beside_lifecycle", description=__doc__
    )
    add = parser.add_argument
    add("--objects", type=int, default=400_000, metavar="N")
    add("--rate", type=float, default=400, metavar="N", help="GETs a second (default: 400)")
    add("--seconds", type=float, default=4, metavar="S", help="of each phase (default: 4)")
    add("--folder", type=Path, help="where the data of the run goes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="compat-beside-", dir=asked.folder) as made:
        run(Path(made), asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
