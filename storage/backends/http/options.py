"""Options of the web as a backend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct


def _always() -> bool:
    return True


class HttpOptions(Struct, frozen=True):
    """`idle_s` bounds the wait for an answer, and for each 64 KiB of a body. A body without a
    length is first written to a nameless file in `spool`, while `has_room` says so, and has at most
    `most_spooled_bytes`."""

    spool: Path
    idle_s: float = 60.0
    has_room: Callable[[], bool] = _always
    most_spooled_bytes: int = 64 << 30
