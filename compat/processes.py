"""What /proc tells about a tree of processes: who is in it, its processor time, its memory."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat behind the command, which may hold spaces and ends with `)`.
_PPID, _UTIME, _STIME, _CUTIME, _CSTIME = 1, 11, 12, 13, 14


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, itself not among them."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[_PPID]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def is_running(pid: int) -> bool:
    return bool(_stat(pid))


def cpu_seconds(pid: int) -> float:
    """User and system time of `pid` and all below it, with children that have ended."""
    ticks = 0
    for each in (pid, *descendants(pid)):
        if fields := _stat(each):
            ticks += sum(int(fields[i]) for i in (_UTIME, _STIME, _CUTIME, _CSTIME))
    return ticks / _TICKS_PER_S


def peak_rss_mib(pid: int) -> float:
    """The highest VmHWM of a single process of the tree since `reset_peaks`."""
    return max(_high_water_kib(each) for each in (pid, *descendants(pid))) / 1024


def reset_peaks(pid: int) -> None:
    """Set VmHWM back to what is resident now (proc(5), clear_refs)."""
    for each in (pid, *descendants(pid)):
        try:
            (_PROC / str(each) / "clear_refs").write_text("5")
        except OSError:
            continue


def _stat(pid: int) -> list[str]:
    """Empty when the process is gone."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _high_water_kib(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(found.split()[1])
