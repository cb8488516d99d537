"""Answers of AIStore 5.0 as they were recorded, and whether ours have their shape.

AIStore's clients are written in Go: they decode a document by the types of its fields, and one of
another type makes the whole answer unreadable. A number that Go keeps as an integer has no fraction
here either, one that may have a fraction there may lack it here, and one that it writes as a text
is a text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "recorded"


def recorded(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.json").read_text())


def differences(
    theirs: Any, ours: Any, *, maps: Collection[str] = (), place: str = ""
) -> Iterator[str]:
    """Yield each place where the shape of ours is not that of theirs. `maps` are the places whose
    keys are data, such as the names of disks; their values have one shape. More keys than theirs
    are no difference: Go ignores them."""
    if theirs is None or (isinstance(theirs, list | dict) and not theirs):
        return
    if type(theirs) is float and type(ours) is int:
        return
    if _kind(theirs) != _kind(ours):
        yield f"{place or 'document'}: {_kind(ours)}, not {_kind(theirs)}"
    elif isinstance(theirs, list):
        for each in ours:
            yield from differences(theirs[0], each, maps=maps, place=f"{place}[]")
    elif isinstance(theirs, dict) and place in maps:
        model = next(iter(theirs.values()))
        for each in ours.values():
            yield from differences(model, each, maps=maps, place=f"{place}.*")
    elif isinstance(theirs, dict):
        for name, value in theirs.items():
            below = f"{place}.{name}" if place else name
            if name not in ours:
                yield f"{below}: missing"
            else:
                yield from differences(value, ours[name], maps=maps, place=below)


def _kind(value: Any) -> str:
    return type(value).__name__
