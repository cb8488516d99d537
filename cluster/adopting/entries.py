"""Entries of the coordination store that a cluster takes over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from cluster.coordination import (
    KEPT_REVISIONS,
    MAX_TRANSACTION_BYTES,
    MAX_WRITES,
    Entry,
)
from cluster.coordination.embedded import EmbeddedCoordination, prepare
from cluster.database.connecting import Connection
from cluster.jobs import job

_JOBS = (job.ROOT, job.NAMES)
_CHANGE = "SELECT s3gw.change_entries_1('{}', '{}', $1, $2, 0, NULL, $3)"


class _Ended(Struct, frozen=True):
    """The only field of a job's state that matters here."""

    ended_ns: int = 0


class Entries(Struct, frozen=True):
    """`left` are the jobs that have not ended."""

    moved: Sequence[Entry] = ()
    left: Sequence[str] = ()

    def counts(self) -> Mapping[str, int]:
        """Return how many are moved, by the beginning of their keys."""
        return counted(each.key for each in self.moved)


async def read_entries(file: Path, unmoved: Collection[str]) -> Entries:
    """Read the store's file, if it is there; keys that are `unmoved` stay. Raises `Corrupt`,
    `DeviceFailed`."""
    if not file.exists():
        return Entries()
    prepare(file)
    with closing(EmbeddedCoordination(file)) as coordination:
        entries, _ = await coordination.range("")
    ended = {_xid(each.key) for each in entries if _has_ended(each)}
    of_jobs = {each.key: _xid(each.key) for each in entries if each.key.startswith(_JOBS)}
    moved = [
        each
        for each in entries
        if each.key not in unmoved and of_jobs.get(each.key, "") in (*ended, "")
    ]
    left = {xid for key, xid in of_jobs.items() if key.startswith(job.JOB)} - ended
    return Entries(moved, sorted(left))


def counted(keys: Iterator[str]) -> Mapping[str, int]:
    """Return the number of keys by their first two words; lists of names are one kind."""
    return dict(Counter(_kind(key) for key in keys))


async def write_entries(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write them in as many revisions as etcd's limits want, in the caller's transaction."""
    for some in _revisions(entries):
        keys, values = [each.key.encode() for each in some], [each.value for each in some]
        await connection.execute(_CHANGE, keys, values, KEPT_REVISIONS)


def _revisions(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    some: list[Entry] = []
    size = 0
    for each in entries:
        if some and (len(some) == MAX_WRITES or size + len(each.value) > MAX_TRANSACTION_BYTES):
            yield some
            some, size = [], 0
        some.append(each)
        size += len(each.value)
    if some:
        yield some


def _kind(key: str) -> str:
    return job.NAMES.rstrip("/") if key.startswith(job.NAMES) else "/".join(key.split("/")[:3])


def _has_ended(entry: Entry) -> bool:
    if not entry.key.startswith(job.STATE):
        return False
    return msgspec.json.decode(entry.value, type=_Ended).ended_ns > 0


def _xid(key: str) -> str:
    """Return the id in the key of something of a job."""
    parts = key.split("/")
    return parts[2] if key.startswith(job.NAMES) else parts[3]
