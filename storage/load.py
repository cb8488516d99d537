"""Load of this machine, and advice for work that can wait.

It has five dimensions, and one piece of advice follows from all. Downloads in parts, jobs and
batches ask for it; requests of clients for one object do not. The numbers are read once a second at
most, from memory of the kernel.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import IntEnum
from pathlib import Path
from time import monotonic

import psutil
from msgspec import Struct

REMEMBERED_S = 1.0
_CGROUP = Path("/sys/fs/cgroup")
_MBIT_BYTES = 1_000_000 / 8


class Grade(IntEnum):
    LOW = 1
    MODERATE = 2
    HIGH = 3
    CRITICAL = 4


class Sample(Struct, frozen=True):
    """Shares that are in use: of the memory, of the time of the busiest disk, of the fastest
    link's speed, of the descriptors that this process may open. `cpu` is the load average of the
    last minute, divided by the processors."""

    memory: float = 0.0
    cpu: float = 0.0
    disk: float = 0.0
    network: float = 0.0
    descriptors: float = 0.0


class Advice(Struct, frozen=True):
    """Rest for `sleep_s` after each step; with `refuses`, begin nothing that can be refused. At
    most `at_once` of what a task would do in parallel, 0 for no limit."""

    sleep_s: float = 0.0
    refuses: bool = False
    at_once: int = 0


class Load(Struct, frozen=True):
    memory: Grade = Grade.LOW
    cpu: Grade = Grade.LOW
    disk: Grade = Grade.LOW
    network: Grade = Grade.LOW
    descriptors: Grade = Grade.LOW

    @property
    def advice(self) -> Advice:
        """Memory counts most, because it cannot be waited for."""
        busy = max(self.cpu, self.disk, self.network)
        sleep_s = max(_MEMORY_SLEEP_S.get(self.memory, 0.0), _BUSY_SLEEP_S.get(busy, 0.0))
        scarce = max(self.memory, self.descriptors)
        at_once = {Grade.HIGH: 2, Grade.CRITICAL: 1}.get(scarce, 0)
        return Advice(sleep_s, scarce is Grade.CRITICAL, at_once)


# From where on a share is moderate, high and critical.
_MEMORY = (0.85, 0.92, 0.97)
_CPU = (1.0, 2.0, 4.0)
_DISK = (0.65, 0.80, 0.95)
_NETWORK = (0.70, 0.85, 0.95)
_DESCRIPTORS = (0.70, 0.85, 0.95)
_MEMORY_SLEEP_S = {Grade.HIGH: 0.01, Grade.CRITICAL: 0.1}
_BUSY_SLEEP_S = {Grade.HIGH: 0.001, Grade.CRITICAL: 0.01}


def graded(sample: Sample) -> Load:
    return Load(
        _grade(sample.memory, _MEMORY),
        _grade(sample.cpu, _CPU),
        _grade(sample.disk, _DISK),
        _grade(sample.network, _NETWORK),
        _grade(sample.descriptors, _DESCRIPTORS),
    )


def _grade(share: float, limits: tuple[float, float, float]) -> Grade:
    return Grade(1 + sum(share >= limit for limit in limits))


class LoadMeter:
    """The load as one process sees it; `read` samples it, here the machine. `samples` counts."""

    def __init__(
        self,
        read: Callable[[], Sample] | None = None,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._read = read or MachineSampler().read
        self._timer = timer
        self._load = Load()
        self._until = float("-inf")
        self.samples = 0

    def load(self) -> Load:
        now = self._timer()
        if now >= self._until:
            self._load = graded(self._read())
            self._until = now + REMEMBERED_S
            self.samples += 1
        return self._load

    def advice(self) -> Advice:
        return self.load().advice

    async def rest(self) -> None:
        """Sleep for as long as the advice says."""
        sleep_s = self.advice().sleep_s
        if sleep_s:
            await asyncio.sleep(sleep_s)


class LoadGate:
    """Work of one task in parallel: `most` steps at once, fewer while the load is high.

    A sample with a limit closes the gate that far at once, and what is inside continues; each later
    one without a limit lets twice as many in, up to `most`: so what waited for memory does not
    take it all back in one moment.
    """

    def __init__(self, meter: LoadMeter, most: int, look_s: float = REMEMBERED_S) -> None:
        self._meter = meter
        self._look_s = look_s
        self._most = self._room = most
        self._samples = -1
        self._inside = 0
        self._left = asyncio.Event()

    @property
    def room(self) -> int:
        """How many may be inside now, at least one."""
        at_once = self._meter.advice().at_once
        if self._meter.samples != self._samples:
            self._samples = self._meter.samples
            self._room = min(self._most, at_once or self._most, 2 * self._room)
        return self._room

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Wait for room, and be inside in the block."""
        while self._inside >= self.room:
            await self._look()
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._left.set()

    async def _look(self) -> None:
        """Return when one has left, and at the next sample: it may let more in."""
        self._left.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._look_s):
                await self._left.wait()


class MachineSampler:
    """Samples of the machine; rates are since the last one."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._at_s = monotonic()
        self._busy_ms = _busy_ms()
        self._moved = _moved_bytes()

    def read(self) -> Sample:
        now_s = monotonic()
        passed_s = max(now_s - self._at_s, 1e-3)
        busy_ms, moved = _busy_ms(), _moved_bytes()
        disk = max((busy_ms[name] - self._busy_ms.get(name, 0) for name in busy_ms), default=0)
        network = (moved - self._moved) / passed_s / max(_fastest_link(), 1.0)
        self._at_s, self._busy_ms, self._moved = now_s, busy_ms, moved
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return Sample(
            memory=_memory(),
            cpu=os.getloadavg()[0] / (os.cpu_count() or 1),
            disk=disk / 1000 / passed_s,
            network=network,
            descriptors=self._process.num_fds() / max(soft, 1),
        )


def _memory() -> float:
    """The share in use of what there is, of the machine or of this process' group."""
    machine = psutil.virtual_memory()
    used = 1 - machine.available / machine.total
    with suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text())
        stat = (_CGROUP / "memory.stat").read_text().split()
        cached = int(stat[stat.index("inactive_file") + 1])
        current = int((_CGROUP / "memory.current").read_text())
        used = max(used, (current - cached) / max(limit, 1))
    return used


def _busy_ms() -> dict[str, int]:
    counters = psutil.disk_io_counters(perdisk=True) or {}
    return {name: getattr(each, "busy_time", 0) for name, each in counters.items()}


def _moved_bytes() -> int:
    """The more of what was sent and received, without what stays on this machine."""
    counters = psutil.net_io_counters(pernic=True)
    links = [each for name, each in counters.items() if name != "lo"]
    sent = sum(each.bytes_sent for each in links)
    return int(max(sent, sum(each.bytes_recv for each in links)))


def _fastest_link() -> float:
    """Bytes a second; infinite where no link tells its speed."""
    speeds = [each.speed for name, each in psutil.net_if_stats().items() if name != "lo"]
    return max(speeds, default=0) * _MBIT_BYTES or float("inf")
