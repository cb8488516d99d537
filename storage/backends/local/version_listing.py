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

from storage.backends.local.listing import Snapshots, without_repeats
from storage.errors import BucketNotFound
from storage.index.paging import (
    CURRENT,
    VersionRow,
    behind,
    common_prefix,
    listed_version_page,
    start_of_versions,
    take,
    version_page,
    with_latest,
)
from storage.index.rows import decode_row
from storage.values import ListedVersionPage, VersionPage, VersionQuery

_PLAIN = f"""
SELECT name, {CURRENT}, row FROM objects WHERE bucket = ?1 AND name >= ?2 AND name < ?5
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

T = TypeVar("T")


def list_version_page(snapshots: Snapshots, bucket: str, query: VersionQuery) -> VersionPage:
    entries, more = _entries(snapshots, bucket, query)
    return version_page(entries, more=more)


def show_version_page(
    snapshots: Snapshots, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
) -> T:
    entries, more = _entries(snapshots, bucket, query)
    return show(listed_version_page(entries, more=more))


def _entries(
    snapshots: Snapshots, bucket: str, query: VersionQuery
) -> tuple[list[VersionRow], bool]:
    """The entries of a page, and whether there are more."""
    with ExitStack() as stack:
        return take(_merged(stack, snapshots, bucket, query), query.limit)


def _merged(
    stack: ExitStack, snapshots: Snapshots, bucket: str, query: VersionQuery
) -> Iterator[VersionRow]:
    scans: list[Iterable[VersionRow]] = []
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
        self._query = query

    def __iter__(self) -> Iterator[VersionRow]:
        first, name, age = start_of_versions(self._query, self._age_of_marker())
        end = behind(self._prefix)
        rows: Any = self._run(_PLAIN, (self._bucket, first, name, age, end))
        # Where the page continues within a name, the latest of that name was on an earlier one.
        entries = with_latest(rows, name if age != CURRENT else None)
        return self._rolled_up(entries) if self._delimiter else entries

    def _age_of_marker(self) -> int | None:
        """The age of `after_version`; None when the name has no such version any more."""
        if not self._query.after_version:
            return None
        name = (self._bucket, self._query.after.encode())
        sql = "SELECT age FROM versions WHERE bucket = ? AND name = ? AND version = ?"
        age: int | None = self._run(sql, (*name, self._query.after_version)).get
        if age is not None:
            return age
        row: Any = self._run("SELECT row FROM objects WHERE bucket = ? AND name = ?", name).get
        current = row is not None and decode_row(row).version == self._query.after_version
        return CURRENT + 1 if current else None

    def _rolled_up(self, entries: Iterable[VersionRow]) -> Iterator[VersionRow]:
        for entry in entries:
            common = self._common(entry[0])
            if common is not None:
                yield from self._skip(common)
                return
            yield entry

    def _skip(self, common: bytes) -> Iterator[VersionRow]:
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
