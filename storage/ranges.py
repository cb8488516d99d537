"""Resolution of byte ranges against the size of an object."""

from __future__ import annotations

from storage.errors import RangeNotSatisfiable
from storage.values import Between, From, Last


def resolve(want: Between | From | Last | None, size: int) -> Between:
    """Cut the wanted range to an object of `size` bytes; raises `RangeNotSatisfiable`."""
    match want:
        case None:
            return Between(0, size)
        case Last(count):
            if count == 0 or size == 0:
                raise RangeNotSatisfiable(size)
            return Between(max(0, size - count), size)
        case From(start):
            span = Between(start, size)
        case Between(start, stop):
            span = Between(start, min(stop, size))
    if span.start >= size:
        raise RangeNotSatisfiable(size)
    return span
