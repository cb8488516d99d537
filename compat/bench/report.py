"""The results for people: a table and bars, on a terminal and as docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from compat.bench.expectations import Checked
from compat.bench.measure import YARDSTICKS, Figure
from compat.bench.scale import Scale
from compat.bench.slow_cloud import DELAY_MS, RATE_MB
from compat.bench.subjects import Nginx
from compat.bench.workloads import Unit, Workload

_BAR = 40
_BAR_OF_ONE = 20
_HEADER = ("", "rate", "of nginx", "p50 ms", "p99 ms", "CPU s", "CPU ms each", "RSS MiB", "closed")


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a run found out."""

    command: str
    scale: Scale
    workloads: Sequence[Workload]
    figures: Sequence[Figure]
    checked: Sequence[Checked]

    def text(self) -> str:
        """For a terminal."""
        blocks = [f"{title}\n" + "\n".join(_aligned(rows)) for title, rows in self._tables()]
        return "\n\n".join([*blocks, "\n".join(self._verdicts())])

    def markdown(self) -> str:
        parts = [
            _INTRODUCTION.format(
                command=self.command,
                facts="\n".join(f"* {x}" for x in facts()),
                delay=DELAY_MS,
                rate=RATE_MB,
                turns=self.scale.turns,
            ),
            "## Expectations\n\n```\n" + "\n".join(self._verdicts()) + "\n```",
            "## Throughput, as a share of nginx\n\n```\n" + "\n".join(self._bars()) + "\n```",
            "## Figures",
            *(f"### {title}\n\n" + "\n".join(_piped(rows)) for title, rows in self._tables()),
        ]
        return "\n\n".join(parts) + "\n"

    def _tables(self) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
        for workload in self.workloads:
            if found := [each for each in self.figures if each.workload == workload.name]:
                rows = [_row(each, workload.unit, _yardstick(found)) for each in found]
                yield workload.title_at(self.scale), [_HEADER, *rows]

    def _verdicts(self) -> Iterator[str]:
        for each in self.checked:
            word = "met    " if each.met else "NOT MET"
            yield f"{word} {each.value:8.2f} (limit {each.limit:.2f})  {each.subject}: {each.text}"

    def _bars(self) -> Iterator[str]:
        for workload in self.workloads:
            found = [each for each in self.figures if each.workload == workload.name]
            nginx = _yardstick(found)
            if nginx is None:
                continue
            yield workload.title_at(self.scale)
            for each in found:
                share = each.rate / nginx.rate
                bar = "█" * max(1, min(_BAR, round(share * _BAR_OF_ONE)))
                yield f"  {each.subject:18} {bar:{_BAR}} {share:.2f}"


_INTRODUCTION = """# Benchmarks

Made by `{command}`. Only ratios within one run mean anything; the machine was:

{facts}

How it is measured: all servers hold the same objects on the same disk, with a warm page cache, and
take turns at each workload, loaded by the same clients on the same machine, and so they cost
all of them alike. S3 requests are presigned URLs (Signature Version 4), so every one is
authenticated and no client pays for signing. nginx serves plain files with sendfile: no
authentication, no checksum; it does not sync what is PUT to the disk, s3gw does. HEAD is for empty
objects, because wrk waits for the body that a length announces. CPU is the processor time of
all processes of a server while it was loaded, RSS the highest of a single process (VmHWM), closed
the connections that the server closed and the clients made again. The cloud is a process on the
same machine that answers {delay:g} ms late, at {rate:g} MB/s a connection (`compat.bench.slow_s3`);
its workloads were run {turns} times in turns, and the median counts. Access
logs are off everywhere. Where the time is spent: [performance.md](performance.md)."""


def facts() -> Iterator[str]:
    """The machine, without its name."""
    yield f"{os.cpu_count()} cores, {_cpu_model()}, {_memory_gib():.0f} GiB, Linux {_kernel()}"
    yield f"Python {platform.python_version()}"
    yield ", ".join(_versions(("hypercorn", "uvicorn", "uvloop", "apsw")))
    yield _first_line(("nginx", "-v"))


def _versions(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


def _first_line(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stderr or done.stdout).partition("\n")[0].removeprefix("nginx version: ")


def _kernel() -> str:
    return ".".join(platform.release().split("-")[0].split(".")[:2])


def _cpu_model() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _yardstick(figures: Sequence[Figure]) -> Figure | None:
    return next((each for each in figures if each.subject == Nginx.name), None)


def _row(figure: Figure, unit: Unit, nginx: Figure | None) -> tuple[str, ...]:
    name, divisor = unit.value
    of_nginx = f"{figure.rate / nginx.rate:.2f}" if nginx and nginx.rate else "-"
    latencies = ("-", "-") if figure.subject in YARDSTICKS else (
        f"{figure.p50_ms:.2f}", f"{figure.p99_ms:.2f}",
    )  # fmt: skip
    return (
        figure.subject,
        f"{figure.rate / divisor:,.0f} {name}",
        of_nginx,
        *latencies,
        _number(figure.cpu_s, 2),
        "-" if figure.subject in YARDSTICKS else _number(figure.cpu_ms_each, 3),
        _number(figure.rss_mib, 0),
        str(figure.closed or "-"),
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others = (
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(["  " + first, *others])


def _piped(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    header, *others = rows
    yield "| " + " | ".join(header) + " |"
    yield "|---|" + "---:|" * (len(header) - 1)
    for row in others:
        yield "| " + " | ".join(row) + " |"
