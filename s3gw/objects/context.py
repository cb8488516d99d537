"""In whose name objects are changed."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.requested_by import RequestedBy
from storage.clock import Clock, SystemClock

SYSTEM_CLOCK: Clock = SystemClock()


@dataclass(frozen=True, slots=True)
class Context:
    """Who asked, from where, with which request; events say so. `clock` is the time by which new
    objects are locked."""

    requested_by: RequestedBy
    clock: Clock = SYSTEM_CLOCK
