"""Use of the machine by a transformer: processor time and memory of its processes."""

from __future__ import annotations

import time

import psutil
from msgspec import Struct


class Usage(Struct, frozen=True):
    """Processor cores that were used on average since the start, and memory in bytes."""

    cores: float = 0.0
    memory: int = 0


def usage_of(guard: int) -> Usage:
    """Return what all processes below a guard use; nothing for one that is gone."""
    try:
        parent = psutil.Process(guard)
        age_s = max(time.time() - parent.create_time(), 0.001)
        below = parent.children(recursive=True)
    except psutil.Error:
        return Usage()
    busy_s, memory = 0.0, 0
    for each in below:
        try:
            times = each.cpu_times()
            busy_s += times.user + times.system
            memory += each.memory_info().rss
        except psutil.Error:
            continue
    return Usage(round(busy_s / age_s, 3), memory)
