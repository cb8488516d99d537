"""Progress of a dsort, by its phases."""

from __future__ import annotations

from msgspec import Struct, field

_MOST_WARNINGS = 100
_WARNING_CHARS = 300


class Phase(Struct):
    """Times in nanoseconds since the epoch, 0 for not yet."""

    began_ns: int = 0
    ended_ns: int = 0


class SortProgress(Struct):
    """What is shown of a dsort besides its counts of shards and bytes that were made.

    `shards` of `total` are extracted, with `records` and `bytes` in them; of these,
    `copied_shards` and `copied_bytes` went to a temporary file. `created` of `to_create` shards
    are made. `is_creating` is written down before the first one is: from then on the job leaves
    objects if it does not end.
    """

    extraction: Phase = field(default_factory=Phase)
    sorting: Phase = field(default_factory=Phase)
    creation: Phase = field(default_factory=Phase)
    total: int = 0
    shards: int = 0
    records: int = 0
    bytes: int = 0
    copied_shards: int = 0
    copied_bytes: int = 0
    to_create: int = 0
    created: int = 0
    is_creating: bool = False
    warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keep the first warnings; further ones are left out."""
        if len(self.warnings) < _MOST_WARNINGS:
            self.warnings.append(text[:_WARNING_CHARS])
