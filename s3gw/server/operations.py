"""All S3 operations that the gateway answers."""

from __future__ import annotations

from typing import Any

from s3gw import multipart, ops
from s3gw.s3.registry import operations_of


def all_operations() -> list[type[Any]]:
    return [op for module in (*ops.MODULES, *multipart.MODULES) for op in operations_of(module)]
