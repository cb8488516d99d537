"""Pages of a listing from the index, in UTF-8 order.

A delimiter is a skip-scan: after a common prefix the scan continues at the first name that does not
share it, so a page costs the same in a bucket of a thousand or of ten million objects. UTF-8 has no
byte 0xFF, so a prefix with that byte appended sorts after every name that begins with it.

The skipping is done by one recursive statement: a statement for each common prefix cost eight times
as much, and each releases the GIL. A folder of files only needs no skipping, and a plain scan costs
a fifth; so a scan is plain up to its first common prefix. The scans of several mountpaths are
merged, and read no further than the page needs.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Any, TypeVar

import apsw

from storage.backends.local.disk import Disk
from storage.errors import BucketNotFound
from storage.index.rows import decode_listed, decode_part, decode_row, decode_upload
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

# Name, upload id, row; a common prefix has no row. Two mountpaths never share the first two.
_Entry = tuple[bytes, str, bytes | None]
E = TypeVar("E")
T = TypeVar("T")
# Opens read transactions on all indexes at one moment.
Snapshots = Callable[[ExitStack], Sequence[apsw.Connection]]


def list_page(snapshots: Snapshots, bucket: str, query: ListQuery) -> Page:
    entries, last = _object_entries(snapshots, bucket, query)
    objects = tuple(decode_row(row).info(name.decode()) for name, _, row in entries if row)
    return Page(objects, _prefixes(entries), last)


def show_page(
    snapshots: Snapshots, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
) -> T:
    entries, last = _object_entries(snapshots, bucket, query)
    names = [name.decode() for name, _, row in entries if row]
    listed = [decode_listed(row) for _, _, row in entries if row]
    return show(ListedPage(names, listed, _prefixes(entries), last))


def _object_entries(
    snapshots: Snapshots, bucket: str, query: ListQuery
) -> tuple[list[_Entry], str | None]:
    """The entries of a page, and the last name when there are more."""
    with ExitStack() as stack:
        entries, more = take(_merged(stack, snapshots, bucket, query, ""), query.limit)
    return entries, entries[-1][0].decode() if more else None


def list_upload_page(snapshots: Snapshots, bucket: str, query: UploadQuery) -> UploadPage:
    with ExitStack() as stack:
        entries, more = take(_merged(stack, snapshots, bucket, query, query.after_id), query.limit)
    uploads = tuple(decode_upload(row) for _, _, row in entries if row)
    if not more:
        return UploadPage(uploads, _prefixes(entries))
    name, upload_id, _ = entries[-1]
    return UploadPage(uploads, _prefixes(entries), name.decode(), upload_id)


def list_part_page(disk: Disk, upload: str, after: int, limit: int) -> PartPage:
    sql = "SELECT row FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?"
    with disk.snapshot() as connection:
        rows: Any = connection.execute(sql, (upload, after, max(limit, 0) + 1)).fetchall()
    infos = tuple(decode_part(row).info for (row,) in rows[: max(limit, 0)])
    return PartPage(infos, infos[-1].number if infos and len(rows) > limit else None)


def _prefixes(entries: Sequence[_Entry]) -> tuple[str, ...]:
    return tuple(name.decode() for name, _, row in entries if row is None)


def take(entries: Iterable[E], limit: int) -> tuple[list[E], bool]:
    """At most `limit` entries, and whether there are more."""
    if limit <= 0:
        return [], False
    taken = list(islice(entries, limit + 1))
    return taken[:limit], len(taken) > limit


def _merged(
    stack: ExitStack,
    snapshots: Snapshots,
    bucket: str,
    query: ListQuery | UploadQuery,
    after_id: str,
) -> Iterator[_Entry]:
    scans: list[Iterable[_Entry]] = []
    connections = snapshots(stack)
    key: Any = connections[0].execute("SELECT id FROM buckets WHERE name = ?", (bucket,)).get
    if key is None:
        raise BucketNotFound(bucket)
    scans.extend(_Scan(connection, key, query, after_id) for connection in connections)
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
        self,
        connection: apsw.Connection,
        bucket: int,
        query: ListQuery | UploadQuery,
        after_id: str,
    ) -> None:
        self._run = connection.execute
        self._plain, self._skipping = _statements(query)
        self._bucket = bucket
        self._prefix = query.prefix.encode()
        self._delimiter = query.delimiter.encode()
        self._limit = query.limit + 1
        self._begin = self._first(query.after.encode(), after_id)

    def _first(self, after: bytes, after_id: str) -> tuple[bytes, str]:
        """The first place after `after`; after all names of a common prefix that it is in."""
        if (common := self._common(after)) is not None:
            start = behind(common)
        elif after and after_id:
            return max((after, after_id), (self._prefix, ""))
        else:
            start = after + b"\0" if after else b""
        return max(start, self._prefix), ""

    def __iter__(self) -> Iterator[_Entry]:
        values = (self._bucket, *self._begin, behind(self._prefix), self._limit)
        rows: Any = self._run(self._plain, values)
        return self._rolled_up(rows) if self._delimiter else iter(rows)

    def _rolled_up(self, rows: Iterable[_Entry]) -> Iterator[_Entry]:
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


def common_prefix(name: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """What the name is rolled up into."""
    if not delimiter or not name.startswith(prefix):
        return None
    at = name.find(delimiter, len(prefix))
    return None if at < 0 else name[: at + len(delimiter)]


def behind(prefix: bytes) -> bytes:
    """Bytes that sort after every name with that prefix, and before every later name."""
    return prefix + b"\xff"
