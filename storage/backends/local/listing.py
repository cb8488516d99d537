"""Pages of names out of the index, in the order of their UTF-8 bytes.

A delimiter is a skip-scan: when a common prefix is met, the scan goes on at the first name behind
all that share it, so a page costs the same in a bucket of a thousand or of ten million objects.
The scans of several mountpaths are merged. UTF-8 has no byte 0xFF and never ends in one, so the
successor of a prefix is the prefix with its last byte one higher.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from operator import itemgetter
from typing import Any

import apsw

from storage.backends.local.disk import Disk
from storage.backends.local.rows import decode_part, decode_row, decode_upload
from storage.errors import BucketNotFound
from storage.values import ListQuery, Page, PartPage, UploadPage, UploadQuery

_OBJECTS = """
SELECT name, '', row FROM objects
WHERE bucket = ?1 AND name >= ?2 AND ?3 = '' AND name < ?4 ORDER BY name LIMIT ?5"""
_UPLOADS = """
SELECT name, id, row FROM uploads
WHERE bucket = ?1 AND (name, id) > (?2, ?3) AND name < ?4 ORDER BY name, id LIMIT ?5"""

# Name, upload id, row; a common prefix has no row. Two mountpaths never share the first two.
_Entry = tuple[bytes, str, bytes | None]


def list_page(disks: Sequence[Disk], bucket: str, query: ListQuery) -> Page:
    with ExitStack() as stack:
        entries, more = _take(_merged(stack, disks, bucket, query, ""), query.limit)
    objects = tuple(decode_row(row).info(name.decode()) for name, _, row in entries if row)
    last = entries[-1][0].decode() if more else None
    return Page(objects, _prefixes(entries), last)


def list_upload_page(disks: Sequence[Disk], bucket: str, query: UploadQuery) -> UploadPage:
    with ExitStack() as stack:
        entries, more = _take(_merged(stack, disks, bucket, query, query.after_id), query.limit)
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


def _take(entries: Iterable[_Entry], limit: int) -> tuple[list[_Entry], bool]:
    """At most `limit` entries, and whether there are more."""
    if limit <= 0:
        return [], False
    taken = list(islice(entries, limit + 1))
    return taken[:limit], len(taken) > limit


def _merged(
    stack: ExitStack,
    disks: Sequence[Disk],
    bucket: str,
    query: ListQuery | UploadQuery,
    after_id: str,
) -> Iterator[_Entry]:
    scans: list[Iterable[_Entry]] = []
    for disk in disks:
        connection = stack.enter_context(disk.snapshot())
        found: Any = connection.execute("SELECT id FROM buckets WHERE name = ?", (bucket,)).get
        if found is not None:
            scans.append(_Scan(connection, found, query, after_id))
    if not scans:
        raise BucketNotFound(bucket)
    if len(scans) == 1:
        return iter(scans[0])
    return _without_repeats(heapq.merge(*scans, key=itemgetter(0, 1)))


def _without_repeats(entries: Iterator[_Entry]) -> Iterator[_Entry]:
    """The same common prefix comes from every mountpath."""
    last: _Entry | None = None
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
        self._sql = _OBJECTS if isinstance(query, ListQuery) else _UPLOADS
        self._bucket = bucket
        self._prefix = query.prefix.encode()
        self._delimiter = query.delimiter.encode()
        self._stop = successor(self._prefix)
        self._limit = query.limit + 1
        self._start, self._start_id = self._begin(query.after.encode(), after_id)

    def __iter__(self) -> Iterator[_Entry]:
        if not self._delimiter:
            return iter(self._rows(self._start, self._start_id).fetchall())
        return self._rolled_up()

    def _begin(self, after: bytes, after_id: str) -> tuple[bytes, str]:
        """Behind `after`; behind all that it stands for if it is itself a common prefix."""
        if after and self._common(after) == after:
            start = successor(after)
        elif after and after_id:
            return max((after, after_id), (self._prefix, ""))
        else:
            start = after + b"\0" if after else b""
        return max(start, self._prefix), ""

    def _rows(self, start: bytes, start_id: str) -> Any:
        values = (self._bucket, start, start_id, self._stop, self._limit)
        return self._run(self._sql, values)

    def _rolled_up(self) -> Iterator[_Entry]:
        rows = self._rows(self._start, self._start_id)
        while (entry := next(rows, None)) is not None:
            common = self._common(entry[0])
            if common is None:
                yield entry
            else:
                yield common, "", None
                rows = self._rows(successor(common), "")

    def _common(self, name: bytes) -> bytes | None:
        """The common prefix that the name is rolled up into."""
        if not self._delimiter or not name.startswith(self._prefix):
            return None
        at = name.find(self._delimiter, len(self._prefix))
        return None if at < 0 else name[: at + len(self._delimiter)]


def successor(prefix: bytes) -> bytes:
    """The smallest bytes behind every name with that prefix."""
    return prefix[:-1] + bytes((prefix[-1] + 1,)) if prefix else b"\xff"
