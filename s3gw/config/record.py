"""What of the cluster's configuration is written down."""

from __future__ import annotations

from msgspec import Struct

FORMAT = 1

Value = bool | int | float | str


class Record(Struct, frozen=True):
    """`version` counts the changes, and begins with 1; `values` are by the names on the wire,
    `updated_ns` is 0 when nothing was ever changed."""

    format: int = FORMAT
    version: int = 1
    updated_ns: int = 0
    values: dict[str, Value] = {}
