"""`python -m compat.bench.cluster`: gateways of a cluster beside a machine that is alone.

Each gateway has one worker. The database, on this machine too, has a synchronous standby; its
processor time is counted apart. Everything is loaded in turns, by the same clients.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from compat.bench.measure import Meter
from compat.bench.outcome import Outcome
from compat.bench.prepare import KIB, list_keys, make_buckets, paths, put_all
from compat.bench.stream import payload
from compat.bench.subjects import BUCKET, SMALL_LIST, Gateway
from compat.bench.wrk import WrkLoad, run_wrk
from tests.cluster.postgres import PostgresServer, replicated_pair

CONNECTIONS = 32
LISTED = 1_000
_HTTP_SERVER = "uvicorn"


@dataclass(frozen=True, slots=True)
class Subject:
    """Gateways that share the load; `database` is None for one machine."""

    name: str
    gateways: Sequence[Gateway]
    database: PostgresServer | None


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one request: processor time in microseconds, of the gateways and of the primary."""

    per_second: float
    gateway_us: float
    database_us: float


Lines = Callable[[Gateway], list[str]]


def _lines(method: str) -> Lines:
    return lambda gateway: [f"{method} {gateway.target(method, path)}" for path in paths("4k")]


def _listing(gateway: Gateway) -> list[str]:
    asked = {"list-type": "2", "max-keys": str(LISTED)}
    return [f"GET {gateway.target('GET', f'/{SMALL_LIST}', asked)}"]


# Lines, and the bytes of each body.
WORKLOADS: dict[str, tuple[Lines, int]] = {
    "GET 4 KiB": (_lines("GET"), 0),
    "PUT 4 KiB": (_lines("PUT"), 4 * KIB),
    "LIST 1,000": (_listing, 0),
}


def measure(subject: Subject, workload: str, seconds: float) -> Cost:
    lines, body_bytes = WORKLOADS[workload]
    each = CONNECTIONS // len(subject.gateways)

    def run(gateway: Gateway) -> Outcome:
        return run_wrk(gateway.host, WrkLoad(lines(gateway), seconds, each, body_bytes))

    meters = [Meter(gateway) for gateway in subject.gateways]
    database = subject.database
    began_s = database.processor_s() if database else 0.0
    with ExitStack() as metered, ThreadPoolExecutor(len(subject.gateways)) as threads:
        for meter in meters:
            metered.enter_context(meter)
        outcomes = list(threads.map(run, subject.gateways))
    requests = sum(outcome.requests for outcome in outcomes)
    database_s = database.processor_s() - began_s if database else 0.0
    return Cost(
        sum(outcome.per_second for outcome in outcomes),
        sum(meter.cpu_s for meter in meters) / requests * 1e6,
        database_s / requests * 1e6,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m compat.bench.cluster", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each load (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="the median is told (default: 3)")
    asked = parser.parse_args()
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-bench-")))
        primary, _ = running.enter_context(replicated_pair())
        subjects = _subjects(running, folder, primary)
        for subject in subjects[:2]:
            _prepare(subject.gateways[0])
        print(f"{'':14}{'':14}{'requests/s':>12}{'gateway us':>12}{'PostgreSQL us':>15}")
        for workload in WORKLOADS:
            found: dict[str, list[Cost]] = {subject.name: [] for subject in subjects}
            for _ in range(asked.rounds):
                for subject in subjects:
                    found[subject.name].append(measure(subject, workload, asked.seconds))
            for name, costs in found.items():
                print(_row(workload, name, costs), flush=True)


def _subjects(running: ExitStack, folder: Path, primary: PostgresServer) -> list[Subject]:
    alone = running.enter_context(Gateway(folder / "alone", _HTTP_SERVER, 1))
    shared = folder / "shared"
    shared.mkdir()
    nodes = []
    for number in (1, 2):
        place = {
            "S3GW_CLUSTER_DATABASE": primary.address(),
            "S3GW_CLUSTER_BLOBS": f"shared:{shared}",
            "S3GW_CLUSTER_NODE": f"node-{number}",
        }
        made = Gateway(folder / f"node-{number}", _HTTP_SERVER, 1, environment=place)
        nodes.append(running.enter_context(made))
    return [
        Subject("one machine", [alone], None),
        Subject("one node", nodes[:1], primary),
        Subject("two nodes", nodes, primary),
    ]


def _prepare(gateway: Gateway) -> None:
    make_buckets(gateway, (BUCKET, SMALL_LIST))
    put_all(gateway, paths("4k"), payload(4 * KIB))
    put_all(gateway, [f"/{SMALL_LIST}/{key}" for key in list_keys(LISTED)], b"")


def _row(workload: str, name: str, costs: Sequence[Cost]) -> str:
    rate = median(cost.per_second for cost in costs)
    ours = median(cost.gateway_us for cost in costs)
    theirs = median(cost.database_us for cost in costs)
    return f"{workload:14}{name:14}{rate:12,.0f}{ours:12,.0f}{theirs:15,.0f}"


if __name__ == "__main__":
    main()
