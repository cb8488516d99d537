"""All S3 operations that the gateway answers."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from s3gw import multipart, ops


def operations_of(module: ModuleType) -> list[type[Any]]:
    return [
        item
        for item in vars(module).values()
        if isinstance(item, type) and item.__module__ == module.__name__ and hasattr(item, "route")
    ]


def all_operations() -> list[type[Any]]:
    return [op for module in (*ops.MODULES, *multipart.MODULES) for op in operations_of(module)]
