"""External merge sort: records by group and key, in bounded memory.

Records are collected and sorted in portions. When they exceed the memory, the portions are merged
into a run in a temporary file. Of runs of the same level, a few become one of the next, so that
the files and the buffers stay few. Records with the same key stay in the order that they came in.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TypeAlias

import msgspec
from msgspec import Struct

from s3gw.jobs.sorting.records import Key, Sortable
from s3gw.jobs.sorting.scratch import Room, Scratch

# About what a record takes in memory besides its bytes.
_RECORD_BYTES = 250
# Sorting so many takes some milliseconds, and no other thread runs meanwhile.
_PORTION = 5000
# So many runs of one level become one of the next.
_FAN_IN = 16
_WRITE_BYTES = 256 << 10
_LENGTH_BYTES = 4

# Group, key, weight, record.
Row: TypeAlias = tuple[int, Key, int, bytes]

_rank = itemgetter(0, 1)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, int | float | bytes, int, bytes]).decode


class _Run(Struct):
    """`level` says of how many portions it was merged, as a power."""

    level: int
    scratch: Scratch


class ExternalSort:
    """`memory_bytes` is the budget for records that wait. For one thread at a time. Methods raise
    `StorageError` for what the disk does, and what `check` raises."""

    def __init__(
        self, room: Room, memory_bytes: int, check: Callable[[], None], *, decreasing: bool = False
    ) -> None:
        self._room = room
        self._budget = memory_bytes
        self._check = check
        self._decreasing = decreasing
        self._portion: list[Row] = []
        self._portions: list[list[Row]] = []
        self._bytes = 0
        self._runs: list[_Run] = []

    @property
    def runs(self) -> int:
        """How many temporary files hold records now."""
        return len(self._runs)

    def add(self, records: Iterable[Sortable]) -> None:
        for each in records:
            self._portion.append((each.group, each.key, each.weight, each.record))
            self._bytes += _RECORD_BYTES + len(each.record)
            if len(self._portion) >= _PORTION:
                self._end_portion()
            if self._bytes > self._budget:
                self._write_run()

    def sorted(self) -> Iterator[Row]:
        """Yield all records in their order; nothing may be added any more."""
        self._end_portion()
        return self._merged([*(_rows(run.scratch) for run in self._runs), *self._portions])

    def close(self) -> None:
        for run in self._runs:
            run.scratch.close()
        self._runs.clear()
        self._portions.clear()
        self._portion.clear()

    def _end_portion(self) -> None:
        if self._portion:
            self._check()
            self._portion.sort(key=_rank, reverse=self._decreasing)
            self._portions.append(self._portion)
            self._portion = []

    def _merged(self, parts: Sequence[Iterable[Row]]) -> Iterator[Row]:
        if len(parts) == 1:
            return iter(parts[0])
        return heapq.merge(*parts, key=_rank, reverse=self._decreasing)

    def _write_run(self) -> None:
        self._end_portion()
        self._append_run(0, self._merged(self._portions))
        self._portions, self._bytes = [], 0
        while (level := self._full_level()) is not None:
            merged = self._runs[-_FAN_IN:]
            del self._runs[-_FAN_IN:]
            try:
                self._append_run(level + 1, self._merged([_rows(each.scratch) for each in merged]))
            finally:
                for each in merged:
                    each.scratch.close()

    def _full_level(self) -> int | None:
        last = self._runs[-_FAN_IN:]
        levels = {each.level for each in last}
        return last[-1].level if len(last) == _FAN_IN and len(levels) == 1 else None

    def _append_run(self, level: int, rows: Iterable[Row]) -> None:
        scratch = Scratch(self._room)
        self._runs.append(_Run(level, scratch))
        write_rows(scratch, map(_encode, rows), self._check)


def write_rows(scratch: Scratch, rows: Iterable[bytes], check: Callable[[], None]) -> None:
    """Append each with its length before it."""
    held = bytearray()
    for row in rows:
        held += len(row).to_bytes(_LENGTH_BYTES, "big")
        held += row
        if len(held) >= _WRITE_BYTES:
            check()
            scratch.append(bytes(held))
            held.clear()
    scratch.append(bytes(held))


def read_rows(scratch: Scratch, start: int, stop: int) -> Iterator[bytes]:
    """Yield what `write_rows` wrote between two offsets."""
    held, at = b"", 0
    for window in scratch.windows(start, stop):
        held, at = held[at:] + window, 0
        while len(held) - at >= _LENGTH_BYTES:
            begin = at + _LENGTH_BYTES
            end = begin + int.from_bytes(held[at:begin], "big")
            if end > len(held):
                break
            yield held[begin:end]
            at = end


def _rows(scratch: Scratch) -> Iterator[Row]:
    return map(_decode, read_rows(scratch, 0, scratch.size))
