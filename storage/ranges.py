"""Byte ranges of objects, and their resolution against a size."""

from __future__ import annotations

from msgspec import Struct

from storage.errors import RangeNotSatisfiable


class Between(Struct, frozen=True):
    """Bytes `start` up to, not including, `stop`; `stop` may exceed the object."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class From(Struct, frozen=True):
    """All bytes from `start` on."""

    start: int


class Last(Struct, frozen=True):
    """The last `count` bytes; all of them when the object is shorter."""

    count: int


class PartNumber(Struct, frozen=True):
    """The bytes of the part that was uploaded under that number; 1 of a plain object is all."""

    number: int


Want = Between | From | Last | PartNumber


def resolve(want: Between | From | Last | None, size: int) -> Between:
    """Cut the wanted range to an object of `size` bytes; raises `RangeNotSatisfiable`."""
    match want:
        case None:
            return Between(0, size)
        case Last(count):
            # The last bytes of an empty object are none, and readers of footers rely on it.
            if count == 0:
                raise RangeNotSatisfiable(size)
            return Between(max(0, size - count), size)
        case From(start):
            span = Between(start, size)
        case Between(start, stop):
            span = Between(start, min(stop, size))
    if span.start >= size:
        raise RangeNotSatisfiable(size)
    return span
