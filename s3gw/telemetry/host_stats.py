"""Host statistics: memory, load, processors, file systems and disks.

Rates are averages since they were last read by this process; the first time, since the host was
started.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from msgspec import Struct, field


class LoadAverage(Struct, frozen=True, rename="pascal"):
    one: float = 0.0
    five: float = 0.0
    fifteen: float = 0.0


class MachineMemory(Struct, frozen=True, rename="pascal"):
    """Memory of the machine in bytes; the actual numbers count caches as free."""

    total: int = 0
    used: int = 0
    free: int = 0
    buff_cache: int = 0
    actual_free: int = 0
    actual_used: int = 0
    swap_total: int = 0
    swap_free: int = 0
    swap_used: int = 0


class ProcessorUse(Struct, frozen=True, rename="pascal"):
    """Processor time in milliseconds since the processes started, and per cent since the last
    reading."""

    user: int = 0
    system: int = 0
    total: int = 0
    last_time: int = 0
    percent: float = 0.0


class MemoryUse(Struct, frozen=True, rename="pascal"):
    """Memory in bytes."""

    size: int = 0
    resident: int = 0
    share: int = 0


class ProcessUse(Struct, frozen=True, rename={"cpu": "CPU", "mem": "Mem"}):
    """What the server's processes use together."""

    cpu: ProcessorUse = ProcessorUse()
    mem: MemoryUse = MemoryUse()


class SystemInfo(Struct, frozen=True):
    """The use by the server's processes, what is available, and the load of the machine, in bytes
    and per cent."""

    mem_used: int
    mem_avail: int
    pct_mem_used: float
    pct_cpu_used: float
    load_avg: LoadAverage
    cpu_util: int
    mem: MachineMemory = MachineMemory()
    proc: ProcessUse = ProcessUse()


class Filesystem(Struct, frozen=True):
    """The file system of a folder: `source` is a device, `disks` the names of its disks."""

    source: str = ""
    kind: str = ""
    id: int = 0
    disks: tuple[str, ...] = ()


class Room(Struct, frozen=True):
    """The room on a folder's file system, in bytes; `available` is the room for the server."""

    folder: Path
    used: int
    available: int
    filesystem: Filesystem

    @property
    def percent_used(self) -> int:
        return round(100 * self.used / max(self.used + self.available, 1))


class DiskRates(Struct, frozen=True):
    """Bytes a second, bytes an operation, and the percentage of time that the disk was busy."""

    read_bps: int
    read_average: int
    write_bps: int
    write_average: int
    utilization: int


class _DiskCounts(Struct, frozen=True):
    reads: int = 0
    read_bytes: int = 0
    writes: int = 0
    written_bytes: int = 0
    busy_s: float = 0.0


class Meter(Struct):
    """Remembers the host's counters from the last reading."""

    _all_s: float = 0.0
    _busy_s: float = 0.0
    _ours_s: float = 0.0
    _disks: dict[str, tuple[float, _DiskCounts]] = field(default_factory=dict)

    def system(self) -> SystemInfo:
        machine = _memory()
        memory, user_s, system_s = _use_of(server_processes())
        ours_s = user_s + system_s
        all_s, busy_s = _processors_s()
        since = max(all_s - self._all_s, 0.01)
        percent = round(100 * max(ours_s - self._ours_s, 0) / since, 2)
        ours = ProcessorUse(_ms(user_s), _ms(system_s), _ms(ours_s), percent=percent)
        info = SystemInfo(
            mem_used=memory.resident,
            mem_avail=machine.actual_free,
            pct_mem_used=round(100 * memory.resident / max(machine.total, 1), 2),
            pct_cpu_used=percent,
            load_avg=LoadAverage(*(round(each, 2) for each in psutil.getloadavg())),
            cpu_util=min(round(100 * (busy_s - self._busy_s) / since), 100),
            mem=machine,
            proc=ProcessUse(ours, memory),
        )
        self._all_s, self._busy_s, self._ours_s = all_s, busy_s, ours_s
        return info

    def disk(self, name: str) -> DiskRates:
        now_s, counts = time.time() - psutil.boot_time(), _disk_counts(name)
        before_s, before = self._disks.get(name, (0.0, _DiskCounts()))
        self._disks[name] = now_s, counts
        since = max(now_s - before_s, 0.01)
        read = counts.read_bytes - before.read_bytes
        written = counts.written_bytes - before.written_bytes
        return DiskRates(
            int(read / since),
            read // max(counts.reads - before.reads, 1),
            int(written / since),
            written // max(counts.writes - before.writes, 1),
            min(round(100 * (counts.busy_s - before.busy_s) / since), 100),
        )


def room_of(folders: Sequence[Path]) -> list[Room]:
    """Return the room of each file system. Raises `OSError` for a missing folder."""
    return [_room(folder) for folder in folders]


def server_processes() -> list[psutil.Process]:
    """Return this process and the others of its supervisor."""
    own = psutil.Process()
    try:
        parent = own.parent()
        if parent is not None and any("s3gw" in word for word in parent.cmdline()):
            return [parent, *parent.children()]
    except psutil.Error:
        pass
    return [own]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _memory() -> MachineMemory:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return MachineMemory(
        total=memory.total,
        used=memory.total - memory.free,
        free=memory.free,
        buff_cache=memory.buffers + memory.cached,
        actual_free=memory.available,
        actual_used=memory.total - memory.available,
        swap_total=swap.total,
        swap_free=swap.free,
        swap_used=swap.used,
    )


def _use_of(processes: Sequence[psutil.Process]) -> tuple[MemoryUse, float, float]:
    """Return the memory, and the seconds of processors for the processes and for the system on
    their behalf; a process may end at any moment."""
    size, resident, share = 0, 0, 0
    user_s, system_s = 0.0, 0.0
    for process in processes:
        try:
            with process.oneshot():
                memory, times = process.memory_info(), process.cpu_times()
        except psutil.Error:
            continue
        size, resident = size + memory.vms, resident + memory.rss
        share += memory.shared
        user_s, system_s = user_s + times.user, system_s + times.system
    return MemoryUse(size, resident, share), user_s, system_s


def _processors_s() -> tuple[float, float]:
    """Return the total and the busy time of all processors since the start. Time of guests is part
    of the user time."""
    times = psutil.cpu_times()
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    total = sum(times) - guests
    return total, total - times.idle - getattr(times, "iowait", 0.0)


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
    """Return source and kind of the file system with that device number."""
    for partition in psutil.disk_partitions(all=True):
        try:
            if os.stat(partition.mountpoint).st_dev == device:
                return partition.device, partition.fstype
        except OSError:
            continue
    return "", ""


def _disks(device: int) -> Iterator[str]:
    """Yield the disk of a partition, or the device itself; nothing without a block device."""
    link = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    if link.exists():
        place = link.resolve()
        yield place.parent.name if (place / "partition").exists() else place.name


def is_rotational(disk: str) -> bool:
    try:
        return Path(f"/sys/block/{disk}/queue/rotational").read_text().strip() == "1"
    except OSError:
        return False


def _disk_counts(name: str) -> _DiskCounts:
    counters = psutil.disk_io_counters(perdisk=True, nowrap=False).get(name)
    if counters is None:
        return _DiskCounts()
    return _DiskCounts(
        counters.read_count,
        counters.read_bytes,
        counters.write_count,
        counters.write_bytes,
        getattr(counters, "busy_time", 0) / 1000,
    )
