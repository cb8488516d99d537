"""`python -m compat.bench`: our server beside nginx, MD5 and other S3 servers."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_
from pathlib import Path

from compat.bench.batches import prepare_batches
from compat.bench.cloud import prepare_cloud
from compat.bench.expectations import check_all
from compat.bench.measure import Figure, Meter, figure, measure_gcm, measure_md5, median_of
from compat.bench.outcome import LoadFailed
from compat.bench.prepare import load_big_list, make_buckets, prepare
from compat.bench.report import Report
from compat.bench.scale import FULL, QUICK, Scale
from compat.bench.slow_cloud import CloudGateway, SlowCloud
from compat.bench.subjects import BIG_LIST, Can, Gateway, Nginx, Peer, Subject, parse_peer
from compat.bench.workloads import ONE_STREAM, WORKLOADS, Workload
from compat.server import ServerFailed, clean_up_when_terminated

WORKERS = 2
_CLOUD = Can.CLOUD | Can.COLD_BYTE
_EXAMPLES = """examples:
  python -m compat.bench --quick
  python -m compat.bench --only get-4k --only head --http-server uvicorn
  python -m compat.bench --output docs/benchmarks.md
  python -m compat.bench --http-server uvicorn --before ../s3gw-1.0 --only get-4k --only put-4k
  python -m compat.bench --peer other=http://127.0.0.1:9100,KEY,SECRET,4242

workloads:
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """What to run. All servers are up at once and take turns at each workload, so that whatever
    else the machine does meanwhile disturbs them alike."""

    scale: Scale
    workloads: Sequence[Workload]
    http_servers: Sequence[str]
    peers: Sequence[Peer]
    folder: Path | None
    before: Path | None

    def run(self) -> Iterator[Figure]:
        with (
            tempfile.TemporaryDirectory(prefix="compat-bench-", dir=self.folder) as made,
            ExitStack() as running,
        ):
            folder = Path(made)
            subjects: list[Subject] = []
            if self._needs() & ~_CLOUD:
                subjects += self._plain(folder, running)
            if self._needs() & _CLOUD:
                subjects += self._in_front_of_a_cloud(folder / "cloud", running)
            for _, group in groupby(self.workloads, lambda each: each.turns or each.name):
                yield from self._measure(list(group), subjects)

    def _plain(self, folder: Path, running: ExitStack) -> Iterator[Subject]:
        yield from [running.enter_context(gateway) for gateway in self._gateways(folder)]
        nginx = running.enter_context(Nginx(folder / "nginx", WORKERS))
        others: list[Subject] = [nginx, *self.peers]
        for other in others:
            _say(f"preparing {other.name}")
            prepare(other, self._needs())
            yield other

    def _in_front_of_a_cloud(self, folder: Path, running: ExitStack) -> Iterator[Subject]:
        yield (cloud := running.enter_context(SlowCloud()))
        for name in self.http_servers:
            gateway = CloudGateway(folder / name, name, WORKERS, cloud)
            _say(f"preparing {gateway.name}, in front of a cloud")
            prepare_cloud(running.enter_context(gateway))
            yield gateway

    def _gateways(self, folder: Path) -> list[Gateway]:
        """One for each HTTP server, none running, all with copies of the same data."""
        gateways = [Gateway(folder / name, name, WORKERS) for name in self.http_servers]
        if self.before is not None:
            # The older version makes the data: that a newer one reads them is what is promised.
            older = [
                Gateway(folder / f"before-{name}", name, WORKERS, source=self.before.resolve())
                for name in self.http_servers
            ]
            gateways = [*older, *gateways]
        first, *others = gateways
        _say(f"preparing {first.name}")
        with first:
            prepare(first, self._needs())
            make_buckets(first, [BIG_LIST])
            if Can.NATIVE in self._needs():
                prepare_batches(first)
        if Can.BIG_LIST in self._needs():
            _say(f"loading {self.scale.big_list:,} keys")
            load_big_list(first.server.data, self.scale.big_list)
        for other in others:
            shutil.copytree(first.server.data, other.server.data)
        return [first, *others]

    def _needs(self) -> Can:
        """Return what any of the workloads needs."""
        return reduce(or_, (each.needs for each in self.workloads))

    def _measure(self, group: Sequence[Workload], subjects: Sequence[Subject]) -> Iterator[Figure]:
        """A group takes turns, if it is more than one workload."""
        for workload in group:
            if workload.name == ONE_STREAM:
                yield measure_md5(ONE_STREAM)
            if Can.ENCRYPTION in workload.needs:
                yield measure_gcm(workload.name)
        for subject in subjects:
            able = [each for each in group if each.needs in subject.can]
            yield from self._in_turns(able, subject)

    def _in_turns(self, group: Sequence[Workload], subject: Subject) -> Iterator[Figure]:
        """The order changes from turn to turn: what comes first is not always what suffers."""
        found: dict[str, list[Figure]] = {each.name: [] for each in group}
        for turn in range(self.scale.turns if any(each.turns for each in group) else 1):
            for workload in reversed(group) if turn % 2 else group:
                _say(f"{workload.name}: {subject.name}")
                try:
                    found[workload.name].append(self._one(workload, subject))
                except LoadFailed as error:
                    # What another server cannot do is no reason to lose all figures.
                    if not isinstance(subject, Peer):
                        raise
                    _say(f"{workload.name}: no figure of {subject.name}: {error}")
        yield from (median_of(turns) for turns in found.values() if turns)

    def _one(self, workload: Workload, subject: Subject) -> Figure:
        # What another server left to be written would be charged to this one, which syncs.
        os.sync()
        meter = Meter(subject)
        outcome = workload.load(subject, self.scale, meter)
        return figure(subject, workload.name, workload.unit.of(outcome), outcome, meter)


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    clean_up_when_terminated()
    bench = _bench(asked)
    try:
        figures = list(bench.run())
    except (LoadFailed, ServerFailed) as error:
        _say(str(error))
        return 1
    ours = [f"s3gw, {name}" for name in bench.http_servers]
    command = shlex.join(["python", "-m", "compat.bench", *(arguments or sys.argv[1:])])
    report = Report(command, bench.scale, bench.workloads, figures, check_all(figures, ours))
    print(report.text())
    if asked.output:
        asked.output.write_text(report.markdown())
    return 0


def _bench(asked: argparse.Namespace) -> Bench:
    return Bench(
        QUICK if asked.quick else FULL,
        [each for each in WORKLOADS if not asked.only or each.name in asked.only],
        asked.http_server.split(","),
        asked.peer,
        asked.folder,
        asked.before,
    )


def _parser() -> argparse.ArgumentParser:
    lines = "".join(f"  {each.name:20}{each.title_at(FULL)}\n" for each in WORKLOADS)
    parser = argparse.ArgumentParser(
        prog="python -m compat.bench",
        description="Measure s3gw beside nginx, MD5 and other S3 servers, in one run.",
        epilog=_EXAMPLES + lines,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    names = [each.name for each in WORKLOADS]
    add("--quick", action="store_true", help="two minutes instead of ten; figures are rough")
    add("--only", action="append", default=[], choices=names, metavar="W", help="run this workload")
    add("--http-server", default="uvicorn,hypercorn", metavar="NAMES",
        help="HTTP servers to run s3gw with (default: %(default)s)")  # fmt: skip
    add("--peer", action="append", default=[], type=parse_peer, metavar="NAME=URL,KEY,SECRET[,PID]",
        help="another S3 server to measure beside ours; of the process PID and those below it the "
        "processor time is measured too")  # fmt: skip
    add("--before", type=Path, metavar="DIR",
        help="another checkout of s3gw, the version before, to measure in turns")  # fmt: skip
    add("--output", type=Path, metavar="FILE", help="write the report there too, as Markdown")
    add("--folder", type=Path, metavar="DIR", help="where the data of the run goes (20 GiB)")
    return parser


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
