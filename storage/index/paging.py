"""Pages of listings from rows of an index, in the order of UTF-8 bytes.

A delimiter is a skip-scan: after a common prefix the scan continues at the first name that does not
share it, so a page costs the same in a bucket of a thousand or of ten million objects. UTF-8 has no
byte 0xFF, so a prefix with that byte appended sorts after every name that begins with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar, overload

from storage.index.rows import (
    ListedRow,
    decode_listed,
    decode_row,
    decode_sized,
    decode_timed,
    decode_upload,
)
from storage.values import (
    Listed,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    Page,
    UploadPage,
    UploadQuery,
    VersionEntry,
    VersionPage,
    VersionQuery,
)

# Name, upload id or nothing, row; a common prefix has no row.
NamedRow = tuple[bytes, str, bytes | None]
# Name, whether it is the latest version, row; a common prefix has no row.
VersionRow = tuple[bytes, bool, bytes | None]
# A current version sorts before all ages.
CURRENT = -(2**63)

E = TypeVar("E")


def common_prefix(name: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """What the name is rolled up into."""
    if not delimiter or not name.startswith(prefix):
        return None
    at = name.find(delimiter, len(prefix))
    return None if at < 0 else name[: at + len(delimiter)]


def behind(prefix: bytes) -> bytes:
    """Bytes that sort after every name with that prefix, and before every later name."""
    return prefix + b"\xff"


def take(entries: Iterable[E], limit: int) -> tuple[list[E], bool]:
    """At most `limit` entries, and whether there are more."""
    if limit <= 0:
        return [], False
    taken = list(islice(entries, limit + 1))
    return taken[:limit], len(taken) > limit


def start_of(query: ListQuery | UploadQuery) -> tuple[bytes, str]:
    """The place that a page begins behind: names from that one on; of it only the uploads after
    that id. It is after all names of a common prefix that the marker is in."""
    after, prefix = query.after.encode(), query.prefix.encode()
    after_id = query.after_id if isinstance(query, UploadQuery) else ""
    if (common := common_prefix(after, prefix, query.delimiter.encode())) is not None:
        start = behind(common)
    elif after and after_id:
        return max((after, after_id), (prefix, ""))
    else:
        start = after + b"\0" if after else b""
    return max(start, prefix), ""


def start_of_versions(query: VersionQuery, age: int | None) -> tuple[bytes, bytes, int]:
    """The place that a page begins at: current versions from a name on, others after a name and an
    age. `age` is that of the version that the query names; None if there is none."""
    after, prefix = query.after.encode(), query.prefix.encode()
    if (common := common_prefix(after, prefix, query.delimiter.encode())) is not None:
        start = behind(common)
    elif after >= prefix and age is not None:
        return after + b"\0", after, age
    elif query.after_version:
        start = after
    else:
        start = after + b"\0" if after else b""
    start = max(start, prefix)
    return start, start, CURRENT


def with_latest(
    rows: Iterable[tuple[bytes, int, bytes | None]], last: bytes | None
) -> Iterator[VersionRow]:
    """The first row of each name but `last` is its latest version."""
    for name, _, row in rows:
        yield name, name != last, row
        last = name


def object_page(entries: Sequence[NamedRow], *, more: bool) -> Page:
    objects = tuple(decode_row(row).info(name.decode()) for name, _, row in entries if row)
    return Page(objects, _prefixes(entries), _last(entries) if more else None)


class RowsLater(Sequence[ListedRow]):
    """Rows that are decoded when they are looked at: all at once by iterating, or one by one. Who
    chooses by names looks at few of them."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        self._rows = rows
        self._decoded: list[ListedRow] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[ListedRow]:
        if self._decoded is None:
            self._decoded = list(map(decode_listed, self._rows))
        return iter(self._decoded)

    def sizes(self) -> list[int]:
        """Return the sizes of all, in bytes."""
        return [decode_sized(row).size for row in self._rows]

    def times_ns(self) -> list[int]:
        """Return when all were modified, in nanoseconds since the epoch."""
        return [decode_timed(row).modified_ns for row in self._rows]

    @overload
    def __getitem__(self, at: int) -> ListedRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[ListedRow]: ...
    def __getitem__(self, at: int | slice) -> ListedRow | list[ListedRow]:
        if self._decoded is not None:
            return self._decoded[at]
        if isinstance(at, slice):
            return list(map(decode_listed, self._rows[at]))
        return decode_listed(self._rows[at])


def sizes_of(listed: Sequence[Listed]) -> Sequence[int]:
    """Return the sizes of all that a page lists, without reading more of it than that."""
    return listed.sizes() if isinstance(listed, RowsLater) else [each.size for each in listed]


def times_of(listed: Sequence[Listed]) -> Sequence[int]:
    """Return when all that a page lists were modified, in nanoseconds since the epoch."""
    if isinstance(listed, RowsLater):
        return listed.times_ns()
    return [each.modified_ns for each in listed]


def listed_page(entries: Sequence[NamedRow], *, more: bool) -> ListedPage:
    names = [name.decode() for name, _, row in entries if row]
    listed = RowsLater([row for _, _, row in entries if row])
    return ListedPage(names, listed, _prefixes(entries), _last(entries) if more else None)


def upload_page(entries: Sequence[NamedRow], *, more: bool) -> UploadPage:
    uploads = tuple(decode_upload(row) for _, _, row in entries if row)
    if not more:
        return UploadPage(uploads, _prefixes(entries))
    return UploadPage(uploads, _prefixes(entries), _last(entries), entries[-1][1])


def version_page(entries: Sequence[VersionRow], *, more: bool) -> VersionPage:
    versions = tuple(
        VersionEntry(decode_row(row).info(name.decode()), latest)
        for name, latest, row in entries
        if row
    )
    return VersionPage(versions, _prefixes(entries), *_last_version(entries, more=more))


def listed_version_page(entries: Sequence[VersionRow], *, more: bool) -> ListedVersionPage:
    names = [name.decode() for name, _, row in entries if row]
    listed = [decode_listed(row) for _, _, row in entries if row]
    latest = [latest for _, latest, row in entries if row]
    last = _last_version(entries, more=more)
    return ListedVersionPage(names, listed, latest, _prefixes(entries), *last)


def _prefixes(entries: Iterable[NamedRow | VersionRow]) -> tuple[str, ...]:
    return tuple(name.decode() for name, _, row in entries if row is None)


def _last(entries: Sequence[NamedRow]) -> str:
    return entries[-1][0].decode()


def _last_version(entries: Sequence[VersionRow], *, more: bool) -> tuple[str | None, str]:
    if not more:
        return None, ""
    name, _, row = entries[-1]
    return name.decode(), "" if row is None else decode_row(row).version
