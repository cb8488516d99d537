"""Pages of versions from the index, newest first within a name.

Current versions and the others are in two tables, and SQLite merges them in order, so a page reads
no more than its rows. A delimiter is the skip-scan of `listing`: from one name or common prefix to
the next in either table, however many versions lie in between.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from operator import itemgetter
from typing import Any, TypeVar

import apsw

from storage.backends.local.listing import (
    Snapshots,
    behind,
    common_prefix,
    take,
    without_repeats,
)
from storage.errors import BucketNotFound
from storage.index.rows import decode_listed, decode_row
from storage.values import ListedVersionPage, VersionEntry, VersionPage, VersionQuery

# A current version sorts before all ages.
_CURRENT = -(2**63)

_PLAIN = f"""
SELECT name, {_CURRENT}, row FROM objects WHERE bucket = ?1 AND name >= ?2 AND name < ?5
UNION ALL
SELECT name, age, row FROM versions WHERE bucket = ?1 AND (name, age) > (?3, ?4) AND name < ?5
ORDER BY 1, 2"""

# As in `listing`: the common prefix ?2, then the first name after it or the common prefix of that,
# and so on. Each name once, with all its rows beside it.
_NEXT = """
SELECT (
    SELECT name FROM {table} AS found
    WHERE bucket = ?1 AND found.name < ?3 AND found.name >= CAST(
        entry.name || iif(instr(substr(entry.name, ?5), ?6), x'FF', x'00') AS BLOB)
    ORDER BY found.name LIMIT 1) AS name"""
_SKIPPING = f"""
WITH RECURSIVE entry(name) AS (
    SELECT ?2
    UNION ALL
    SELECT (
        SELECT iif(
            instr(substr(name, ?5), ?6),
            substr(name, 1, ?5 + instr(substr(name, ?5), ?6) + length(?6) - 2),
            name)
        FROM (
            SELECT min(name) AS name FROM (
                {_NEXT.format(table="objects")} UNION ALL {_NEXT.format(table="versions")})))
    FROM entry WHERE name NOT NULL LIMIT ?4)
SELECT entry.name, o.row, v.row FROM entry
LEFT JOIN objects o
ON o.bucket = ?1 AND o.name = entry.name AND NOT instr(substr(entry.name, ?5), ?6)
LEFT JOIN versions v
ON v.bucket = ?1 AND v.name = entry.name AND NOT instr(substr(entry.name, ?5), ?6)
WHERE entry.name NOT NULL"""

# Name, whether it is the latest version, row; a common prefix has no row.
_Entry = tuple[bytes, bool, bytes | None]
T = TypeVar("T")


def list_version_page(snapshots: Snapshots, bucket: str, query: VersionQuery) -> VersionPage:
    entries, after, after_version = _entries(snapshots, bucket, query)
    versions = tuple(
        VersionEntry(decode_row(row).info(name.decode()), latest)
        for name, latest, row in entries
        if row is not None
    )
    return VersionPage(versions, _prefixes(entries), after, after_version)


def show_version_page(
    snapshots: Snapshots, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
) -> T:
    entries, after, after_version = _entries(snapshots, bucket, query)
    names = [name.decode() for name, _, row in entries if row is not None]
    listed = [decode_listed(row) for _, _, row in entries if row is not None]
    latest = [latest for _, latest, row in entries if row is not None]
    prefixes = _prefixes(entries)
    return show(ListedVersionPage(names, listed, latest, prefixes, after, after_version))


def _entries(
    snapshots: Snapshots, bucket: str, query: VersionQuery
) -> tuple[list[_Entry], str | None, str]:
    """The entries of a page, and the last name and version when there are more."""
    with ExitStack() as stack:
        entries, more = take(_merged(stack, snapshots, bucket, query), query.limit)
    if not more:
        return entries, None, ""
    name, _, row = entries[-1]
    return entries, name.decode(), "" if row is None else decode_row(row).version


def _prefixes(entries: Iterable[_Entry]) -> tuple[str, ...]:
    return tuple(name.decode() for name, _, row in entries if row is None)


def _merged(
    stack: ExitStack, snapshots: Snapshots, bucket: str, query: VersionQuery
) -> Iterator[_Entry]:
    scans: list[Iterable[_Entry]] = []
    connections = snapshots(stack)
    key: Any = connections[0].execute("SELECT id FROM buckets WHERE name = ?", (bucket,)).get
    if key is None:
        raise BucketNotFound(bucket)
    scans.extend(_Scan(connection, key, query) for connection in connections)
    if len(scans) == 1:
        return iter(scans[0])
    # All versions of a name are on one mountpath, and stay in their order.
    return without_repeats(heapq.merge(*scans, key=itemgetter(0)))


class _Scan:
    """The entries of one mountpath from where the query begins."""

    def __init__(self, connection: apsw.Connection, bucket: int, query: VersionQuery) -> None:
        self._run = connection.execute
        self._bucket = bucket
        self._prefix = query.prefix.encode()
        self._delimiter = query.delimiter.encode()
        self._limit = query.limit + 1
        self._after = query.after.encode()
        self._after_version = query.after_version

    def __iter__(self) -> Iterator[_Entry]:
        first, name, age = self._begin()
        end = behind(self._prefix)
        rows: Any = self._run(_PLAIN, (self._bucket, first, name, age, end))
        # Where the page continues within a name, the latest of that name was on an earlier one.
        entries = _with_latest(rows, name if age != _CURRENT else None)
        return self._rolled_up(entries) if self._delimiter else entries

    def _begin(self) -> tuple[bytes, bytes, int]:
        """Current versions from a name on, others after a name and an age."""
        after = self._after
        if (common := self._common(after)) is not None:
            start = behind(common)
        elif after >= self._prefix and (age := self._age_of_marker()) is not None:
            return after + b"\0", after, age
        elif self._after_version:
            start = after
        else:
            start = after + b"\0" if after else b""
        start = max(start, self._prefix)
        return start, start, _CURRENT

    def _age_of_marker(self) -> int | None:
        """The age of `after_version`; None when the name has no such version any more."""
        if not self._after_version:
            return None
        name = (self._bucket, self._after)
        sql = "SELECT age FROM versions WHERE bucket = ? AND name = ? AND version = ?"
        age: int | None = self._run(sql, (*name, self._after_version)).get
        if age is not None:
            return age
        row: Any = self._run("SELECT row FROM objects WHERE bucket = ? AND name = ?", name).get
        current = row is not None and decode_row(row).version == self._after_version
        return _CURRENT + 1 if current else None

    def _rolled_up(self, entries: Iterable[_Entry]) -> Iterator[_Entry]:
        for entry in entries:
            common = self._common(entry[0])
            if common is not None:
                yield from self._skip(common)
                return
            yield entry

    def _skip(self, common: bytes) -> Iterator[_Entry]:
        at = len(self._prefix) + 1
        values = (self._bucket, common, behind(self._prefix), self._limit, at, self._delimiter)
        rows: Any = self._run(_SKIPPING, values)
        last = None
        for name, current, older in rows:
            if name != last and (current is not None or older is None):
                yield name, True, current
            if older is not None:
                yield name, name != last and current is None, older
            last = name

    def _common(self, name: bytes) -> bytes | None:
        return common_prefix(name, self._prefix, self._delimiter)


def _with_latest(rows: Iterable[tuple[bytes, int, bytes]], last: bytes | None) -> Iterator[_Entry]:
    """The first row of each name but `last` is its latest version."""
    for name, _, row in rows:
        yield name, name != last, row
        last = name
