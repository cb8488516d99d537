"""Operations that a module declares, for the catalogs of both front ends."""

from __future__ import annotations

from types import ModuleType
from typing import Any


def operations_of(module: ModuleType) -> list[type[Any]]:
    return [
        item
        for item in vars(module).values()
        if isinstance(item, type) and item.__module__ == module.__name__ and hasattr(item, "route")
    ]
