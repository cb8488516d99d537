"""Names of AIStore's configuration and bucket properties, and the values they lead to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from s3gw.config.types import SettingType, Wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WireKey:
    """A value that clients of the native API read and set; `place` leads to it through the
    attributes of the dataclasses and structs that hold it, the `root` of the methods first."""

    type: SettingType
    place: tuple[str, ...]

    def of(self, root: Any) -> Any:
        """Return the program's value."""
        for name in self.place:
            root = getattr(root, name)
        return root

    def shown(self, root: Any) -> Wire:
        """Return the value as clients see it."""
        return self.type.to_wire(self.of(root))

    def replaced(self, root: T, value: object) -> T:
        """Return `root` with another value, as `type` has read it."""
        replaced: T = _replaced(root, self.place, value)
        return replaced


def _replaced(thing: Any, place: tuple[str, ...], value: object) -> Any:
    first, *others = place
    if others:
        value = _replaced(getattr(thing, first), tuple(others), value)
    replace = msgspec.structs.replace if isinstance(thing, msgspec.Struct) else dataclasses.replace
    return replace(thing, **{first: value})
