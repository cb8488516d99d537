"""Counters at their last reset, for all processes of a run.

What is counted only grows, because Prometheus expects that; AIStore's clients are shown what was
counted since the reset. A new run counts from zero, and its folder has no resets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

_FILE = "counters.base"
_ERRORS = "err."


def reset(folder: Path, counted: Mapping[str, int], *, errors_only: bool) -> None:
    """Count from here on, everything or errors only. Raises `OSError`."""
    chosen = {n: value for n, value in counted.items() if not errors_only or n.startswith(_ERRORS)}
    made = folder / f"{_FILE}.{os.getpid()}"
    made.write_bytes(msgspec.json.encode({**_base(folder), **chosen}))
    made.replace(folder / _FILE)


def since_reset(folder: Path, counted: Mapping[str, int]) -> Mapping[str, int]:
    base = _base(folder)
    return {name: max(value - base.get(name, 0), 0) for name, value in counted.items()}


def _base(folder: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=dict[str, int])
    except (OSError, msgspec.DecodeError):
        return {}
