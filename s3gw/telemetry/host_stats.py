"""What the machine says of itself: memory, load and processors out of /proc, room on the disks.

Where there is no /proc, what it would say is 0. Rates are averages since they were asked for last,
by this process; the first time, since the machine was started.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

_KIB = 1 << 10
_SECTOR = 512
_PROC = Path("/proc")


class LoadAverage(Struct, frozen=True, rename="pascal"):
    one: float = 0.0
    five: float = 0.0
    fifteen: float = 0.0


class SystemInfo(Struct, frozen=True):
    """Bytes and percents: memory and processors of the machine, and of them what the server's
    processes use."""

    mem_used: int
    mem_avail: int
    pct_mem_used: float
    pct_cpu_used: float
    load_avg: LoadAverage
    cpu_util: int


@dataclass(frozen=True, slots=True)
class Filesystem:
    """What a folder is on: `source` is a device, `disks` the names of those below it."""

    source: str = ""
    kind: str = ""
    id: int = 0
    disks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """Of the file system that a folder is on, in bytes; `available` is what the server could
    still write."""

    folder: Path
    used: int
    available: int
    filesystem: Filesystem

    @property
    def percent_used(self) -> int:
        return round(100 * self.used / max(self.used + self.available, 1))


@dataclass(frozen=True, slots=True)
class DiskRates:
    """Bytes a second, bytes an operation, and the percentage of time that the disk was busy."""

    read_bps: int
    read_average: int
    write_bps: int
    write_average: int
    utilization: int


@dataclass(frozen=True, slots=True)
class _DiskCounts:
    reads: int = 0
    read_bytes: int = 0
    writes: int = 0
    written_bytes: int = 0
    busy_s: float = 0.0


@dataclass(slots=True)
class Meter:
    """Remembers what the counters of the machine were when it looked last."""

    _all_s: float = 0.0
    _busy_s: float = 0.0
    _ours_s: float = 0.0
    _disks: dict[str, tuple[float, _DiskCounts]] = field(default_factory=dict)

    def system(self) -> SystemInfo:
        memory = _memory()
        total, available = memory.get("MemTotal", 0), memory.get("MemAvailable", 0)
        pids = server_processes()
        ours_bytes, ours_s = sum(map(_resident, pids)), sum(map(_processor_s, pids))
        all_s, busy_s = _processors_s()
        since = max(all_s - self._all_s, 0.01)
        info = SystemInfo(
            mem_used=total - available,
            mem_avail=available,
            pct_mem_used=round(100 * ours_bytes / max(total, 1), 2),
            pct_cpu_used=round(100 * max(ours_s - self._ours_s, 0) / since, 2),
            load_avg=_load(),
            cpu_util=min(round(100 * (busy_s - self._busy_s) / since), 100),
        )
        self._all_s, self._busy_s, self._ours_s = all_s, busy_s, ours_s
        return info

    def disk(self, name: str) -> DiskRates:
        now_s, counts = _uptime_s(), _disk_counts(name)
        before_s, before = self._disks.get(name, (0.0, _DiskCounts()))
        self._disks[name] = now_s, counts
        since = max(now_s - before_s, 0.01)
        read, written = (
            counts.read_bytes - before.read_bytes,
            counts.written_bytes - before.written_bytes,
        )
        return DiskRates(
            int(read / since),
            read // max(counts.reads - before.reads, 1),
            int(written / since),
            written // max(counts.writes - before.writes, 1),
            min(round(100 * (counts.busy_s - before.busy_s) / since), 100),
        )


def room_of(folders: Sequence[Path]) -> list[Room]:
    """Raises `OSError` for a folder that is gone."""
    return [_room(folder) for folder in folders]


def server_processes() -> list[int]:
    """This one and those that its supervisor started beside it."""
    parent = os.getppid()
    listed = _read(_PROC / f"{parent}/task/{parent}/children").split()
    pids = [int(pid) for pid in listed]
    own = os.getpid()
    return [parent, *pids] if own in pids and _is_ours(parent) else [own]


def _is_ours(pid: int) -> bool:
    return "s3gw" in _read(_PROC / f"{pid}/cmdline")


def _room(folder: Path) -> Room:
    stat = os.statvfs(folder)
    used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
    device = os.stat(folder).st_dev
    source, kind = _mounted(device)
    return Room(
        folder,
        used,
        stat.f_bavail * stat.f_frsize,
        Filesystem(source, kind, stat.f_fsid, tuple(_disks(device))),
    )


def _mounted(device: int) -> tuple[str, str]:
    """Source and kind of the file system with that device number; proc(5) tells the columns."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in _read(_PROC / "self/mountinfo").splitlines():
        head, _, tail = line.partition(" - ")
        if head.split()[2] == number and len(tail.split()) > 1:
            kind, source = tail.split()[:2]
            return source, kind
    return "", ""


def _disks(device: int) -> Iterator[str]:
    """The disk of a partition, or the device itself; none for what lies on no block device."""
    link = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    if link.exists():
        place = link.resolve()
        yield place.parent.name if (place / "partition").exists() else place.name


def _disk_counts(name: str) -> _DiskCounts:
    """https://docs.kernel.org/block/stat.html"""
    columns = [int(each) for each in _read(Path(f"/sys/block/{name}/stat")).split()]
    if len(columns) < 10:
        return _DiskCounts()
    return _DiskCounts(
        columns[0], columns[2] * _SECTOR, columns[4], columns[6] * _SECTOR, columns[9] / 1000
    )


def _memory() -> dict[str, int]:
    lines = (line.split() for line in _read(_PROC / "meminfo").splitlines())
    return {row[0].rstrip(":"): int(row[1]) * _KIB for row in lines if len(row) > 1}


def _load() -> LoadAverage:
    try:
        return LoadAverage(*(round(each, 2) for each in os.getloadavg()))
    except OSError:
        return LoadAverage()


def _processors_s() -> tuple[float, float]:
    """Time of all processors together since the start, and what of it was not idle."""
    columns = _numbers(_PROC / "stat", lambda text: text.partition("\n")[0].split()[1:9])
    if len(columns) < 5:
        return 0.0, 0.0
    idle = columns[3] + columns[4]
    return _seconds(sum(columns)), _seconds(sum(columns) - idle)


def _processor_s(pid: int) -> float:
    """User and system time, columns 14 and 15 of proc_pid_stat(5)."""
    spent = _numbers(_PROC / f"{pid}/stat", lambda text: text.rpartition(") ")[2].split()[11:13])
    return _seconds(sum(spent))


def _resident(pid: int) -> int:
    pages = _numbers(_PROC / f"{pid}/statm", lambda text: text.split()[1:2])
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def _uptime_s() -> float:
    text = _read(_PROC / "uptime").split()
    return float(text[0]) if text else 0.0


def _numbers(path: Path, columns: Callable[[str], list[str]]) -> list[int]:
    return [int(each) for each in columns(_read(path))]


def _seconds(ticks: int) -> float:
    return float(ticks) / float(os.sysconf("SC_CLK_TCK"))


def _read(path: Path) -> str:
    """Nothing where it is gone, as a process may be at any moment."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
