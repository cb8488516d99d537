"""Plan of a dsort: the sorted records cut into output shards, with their names.

The records are in a temporary file in their order, so a plan has only where each shard begins and
ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from cluster.jobs.job_run import JobFailed
from cluster.jobs.template import Template
from s3gw.jobs.sorting.external_sort import Row, read_rows, write_rows
from s3gw.jobs.sorting.records import Record, decode_record
from s3gw.jobs.sorting.scratch import Scratch
from storage.archives import format_of_name


class PlannedShard(Struct, frozen=True):
    """Its records are between two offsets of the plan's file."""

    name: str
    start: int
    stop: int


class Naming:
    """Names of output shards; each group has the template of its number."""

    def __init__(self, templates: Sequence[Template], extension: str) -> None:
        self._templates = templates
        self._extension = extension
        self._used: dict[int, int] = {}

    def next(self, group: int) -> str:
        """Raise `JobFailed` where the template has no more names."""
        template, at = self._templates[group], self._used.get(group, 0)
        if at >= len(template):
            raise JobFailed(
                f"number of shards to be created exceeds expected number of shards ({at}): "
                "a template with more names, or larger shards are needed"
            )
        self._used[group] = at + 1
        name = template[at]
        return name if format_of_name(name) else name + self._extension


def plan(
    rows: Iterable[Row],
    naming: Naming,
    shard_bytes: int,
    scratch: Scratch,
    check: Callable[[], None],
) -> list[PlannedShard]:
    """Write the records into the file, and return the shards: each ends with the record that makes
    it as large as `shard_bytes`. Raise `JobFailed`."""
    cutting = _Cutting(naming, shard_bytes)
    write_rows(scratch, cutting.passing(rows), check)
    return cutting.end()


class _Cutting:
    """Offsets count what `write_rows` writes: a length of four bytes, and the record."""

    def __init__(self, naming: Naming, shard_bytes: int) -> None:
        self._naming = naming
        self._most = shard_bytes
        self._made: list[PlannedShard] = []
        self._start = self._at = 0
        self._size = 0
        self._group = 0

    def passing(self, rows: Iterable[Row]) -> Iterator[bytes]:
        for group, _, weight, record in rows:
            if group != self._group:
                self._cut()
                self._group = group
            yield record
            self._at += 4 + len(record)
            self._size += weight
            if self._size >= self._most:
                self._cut()

    def end(self) -> list[PlannedShard]:
        self._cut()
        return self._made

    def _cut(self) -> None:
        if self._at > self._start:
            name = self._naming.next(self._group)
            self._made.append(PlannedShard(name, self._start, self._at))
        self._start, self._size = self._at, 0


def records_of(shard: PlannedShard, scratch: Scratch) -> Iterator[Record]:
    """Yield the records of one shard."""
    return map(decode_record, read_rows(scratch, shard.start, shard.stop))
