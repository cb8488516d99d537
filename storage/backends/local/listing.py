"""Pages of a listing from the index, in UTF-8 order.

The skipping behind a common prefix (`storage.index.paging`) is done by one recursive statement: a
statement for each common prefix cost eight times as much, and each releases the GIL. A folder of
files only needs no skipping, and a plain scan costs a fifth; so a scan is plain up to its first
common prefix. The scans of several mountpaths are merged, and read no further than the page needs.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

import apsw

from storage.backends.local.disk import Disk
from storage.errors import BucketNotFound
from storage.index.paging import (
    NamedRow,
    behind,
    common_prefix,
    listed_page,
    object_page,
    start_of,
    take,
    upload_page,
)
from storage.index.rows import decode_part
from storage.values import (
    APPEND_MARK,
    ListedPage,
    ListQuery,
    Page,
    PartPage,
    UploadPage,
    UploadQuery,
)

_OBJECTS = """
SELECT name, '', row FROM objects
WHERE bucket = ?1 AND name >= ?2 AND ?3 = '' AND name < ?4 ORDER BY name LIMIT ?5"""
_UPLOADS = """
SELECT name, id, row FROM uploads
WHERE bucket = ?1 AND (name, id) > (?2, ?3) AND name < ?4 AND id {these}
ORDER BY name, id LIMIT ?5"""

# The common prefix ?2, then the first name after it or the common prefix of that, and so on. At ?5
# the delimiter ?6 is looked for. `||` makes text of bytes, without looking at them: CAST undoes it.
_SKIPPING = """
WITH RECURSIVE entry(name) AS (
    SELECT ?2
    UNION ALL
    SELECT (
        SELECT iif(
            instr(substr(name, ?5), ?6),
            substr(name, 1, ?5 + instr(substr(name, ?5), ?6) + length(?6) - 2),
            name)
        FROM {table} AS found
        WHERE bucket = ?1 AND found.name < ?3 AND ({found}) AND found.name >= CAST(
            entry.name || iif(instr(substr(entry.name, ?5), ?6), x'FF', x'00') AS BLOB)
        ORDER BY found.name LIMIT 1)
    FROM entry WHERE name NOT NULL LIMIT ?4)
SELECT entry.name, ifnull({id}, ''), row FROM entry
LEFT JOIN {table} AS it
ON it.bucket = ?1 AND it.name = entry.name AND ({it}) AND NOT instr(substr(entry.name, ?5), ?6)
WHERE entry.name NOT NULL"""
_SKIPPING_OBJECTS = _SKIPPING.format(table="objects", id="NULL", found="1", it="1")


def _of_uploads(these: str) -> tuple[str, str]:
    """The plain and the skipping statement for uploads whose ids are so."""
    found, it = f"found.id {these}", f"it.id {these}"
    skipping = _SKIPPING.format(table="uploads", id="it.id", found=found, it=it)
    return _UPLOADS.format(these=these), skipping


_OF_OBJECTS = _OBJECTS, _SKIPPING_OBJECTS
_OF_PARTED = _of_uploads(f"< '{APPEND_MARK}'")
_OF_APPENDS = _of_uploads(f">= '{APPEND_MARK}'")

E = TypeVar("E")
T = TypeVar("T")
# Opens read transactions on all indexes at one moment.
Snapshots = Callable[[ExitStack], Sequence[apsw.Connection]]


def list_page(snapshots: Snapshots, bucket: str, query: ListQuery) -> Page:
    entries, more = _entries(snapshots, bucket, query)
    return object_page(entries, more=more)


def show_page(
    snapshots: Snapshots, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
) -> T:
    entries, more = _entries(snapshots, bucket, query)
    return show(listed_page(entries, more=more))


def list_upload_page(snapshots: Snapshots, bucket: str, query: UploadQuery) -> UploadPage:
    entries, more = _entries(snapshots, bucket, query)
    return upload_page(entries, more=more)


def _entries(
    snapshots: Snapshots, bucket: str, query: ListQuery | UploadQuery
) -> tuple[list[NamedRow], bool]:
    """The entries of a page, and whether there are more."""
    with ExitStack() as stack:
        return take(_merged(stack, snapshots, bucket, query), query.limit)


def list_part_page(disk: Disk, upload: str, after: int, limit: int) -> PartPage:
    sql = "SELECT row FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?"
    with disk.snapshot() as connection:
        rows: Any = connection.execute(sql, (upload, after, max(limit, 0) + 1)).fetchall()
    infos = tuple(decode_part(row).info for (row,) in rows[: max(limit, 0)])
    return PartPage(infos, infos[-1].number if infos and len(rows) > limit else None)


def _merged(
    stack: ExitStack,
    snapshots: Snapshots,
    bucket: str,
    query: ListQuery | UploadQuery,
) -> Iterator[NamedRow]:
    scans: list[Iterable[NamedRow]] = []
    connections = snapshots(stack)
    key: Any = connections[0].execute("SELECT id FROM buckets WHERE name = ?", (bucket,)).get
    if key is None:
        raise BucketNotFound(bucket)
    scans.extend(_Scan(connection, key, query) for connection in connections)
    if len(scans) == 1:
        return iter(scans[0])
    return without_repeats(heapq.merge(*scans))


def without_repeats(entries: Iterable[E]) -> Iterator[E]:
    """The same common prefix comes from every mountpath."""
    last: E | None = None
    for entry in entries:
        if entry != last:
            yield entry
        last = entry


class _Scan:
    """The entries of one mountpath from where the query begins."""

    def __init__(
        self, connection: apsw.Connection, bucket: int, query: ListQuery | UploadQuery
    ) -> None:
        self._run = connection.execute
        self._plain, self._skipping = _statements(query)
        self._bucket = bucket
        self._prefix = query.prefix.encode()
        self._delimiter = query.delimiter.encode()
        self._limit = query.limit + 1
        self._begin = start_of(query)

    def __iter__(self) -> Iterator[NamedRow]:
        values = (self._bucket, *self._begin, behind(self._prefix), self._limit)
        rows: Any = self._run(self._plain, values)
        return self._rolled_up(rows) if self._delimiter else iter(rows)

    def _rolled_up(self, rows: Iterable[NamedRow]) -> Iterator[NamedRow]:
        for entry in rows:
            common = self._common(entry[0])
            if common is not None:
                yield from self._skip(common)
                return
            yield entry

    def _skip(self, common: bytes) -> Any:
        at = len(self._prefix) + 1
        values = (self._bucket, common, behind(self._prefix), self._limit, at, self._delimiter)
        return self._run(self._skipping, values)

    def _common(self, name: bytes) -> bytes | None:
        return common_prefix(name, self._prefix, self._delimiter)


def _statements(query: ListQuery | UploadQuery) -> tuple[str, str]:
    if isinstance(query, ListQuery):
        return _OF_OBJECTS
    return _OF_APPENDS if query.appends else _OF_PARTED
