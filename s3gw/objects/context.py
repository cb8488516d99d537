"""Context of a change to objects: the caller and the time."""

from __future__ import annotations

from msgspec import Struct

from cluster.requested_by import RequestedBy
from storage.clock import Clock, SystemClock

SYSTEM_CLOCK: Clock = SystemClock()


class Context(Struct, frozen=True):
    """The caller, the address and the request, for events. `clock` is the time by which new objects
    are locked."""

    requested_by: RequestedBy
    clock: Clock = SYSTEM_CLOCK
