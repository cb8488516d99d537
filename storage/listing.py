"""Pages of a listing as pure functions of ordered names.

A row is an item, or the common prefix of all items whose names have the delimiter after the query's
prefix. Both count against the limit. The marker `after` is a name that is left out with all before
it; one that is a common prefix under the query, or inside one, excludes all names that begin with
that prefix: it was a row before the marker.

Python orders strings by code point; that is the order of their UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from storage.values import (
    ListQuery,
    ObjectInfo,
    Page,
    PartInfo,
    PartPage,
    UploadInfo,
    UploadPage,
    UploadQuery,
    VersionEntry,
    VersionPage,
    VersionQuery,
)


class _Version(NamedTuple):
    """A version under the name that it is rolled up by."""

    name: str
    entry: VersionEntry


Item = TypeVar("Item", ObjectInfo, UploadInfo, _Version)


def common_prefix(name: str, prefix: str, delimiter: str) -> str | None:
    """What `name` is rolled up into, None when it is a row itself."""
    if not delimiter or not name.startswith(prefix):
        return None
    at = name.find(delimiter, len(prefix))
    return None if at < 0 else name[: at + len(delimiter)]


def object_page(objects: Iterable[ObjectInfo], query: ListQuery) -> Page:
    """One page of `objects`; they are in order of name."""
    remaining = (info for info in objects if _is_past(info.name, query))
    rows, more = _first(_roll_up(remaining, query), query.limit)
    infos, prefixes = _sort_out(rows)
    return Page(infos, prefixes, _name_of(rows[-1]) if more else None)


def upload_page(uploads: Iterable[UploadInfo], query: UploadQuery) -> UploadPage:
    """One page of `uploads`; they are in order of name and id."""
    remaining = (info for info in uploads if _is_upload_past(info, query))
    rows, more = _first(_roll_up(remaining, query), query.limit)
    infos, prefixes = _sort_out(rows)
    if not more:
        return UploadPage(infos, prefixes)
    last = rows[-1]
    return UploadPage(infos, prefixes, _name_of(last), "" if isinstance(last, str) else last.id)


def version_page(histories: Iterable[Sequence[ObjectInfo]], query: VersionQuery) -> VersionPage:
    """One page of versions; `histories` are in order of name, each newest first."""
    remaining = (
        _Version(info.name, VersionEntry(info, latest=at == 0))
        for history in histories
        for at, info in _remaining(history, query)
    )
    rows, more = _first(_roll_up(remaining, query), query.limit)
    items, prefixes = _sort_out(rows)
    entries = tuple(item.entry for item in items)
    if not more:
        return VersionPage(entries, prefixes)
    last = rows[-1]
    version = "" if isinstance(last, str) else last.entry.info.version
    return VersionPage(entries, prefixes, _name_of(last), version)


def _remaining(
    history: Sequence[ObjectInfo], query: VersionQuery
) -> Iterable[tuple[int, ObjectInfo]]:
    """The versions of one name that the markers leave, with their place in its history."""
    name = history[0].name
    if name != query.after or not query.after_version:
        return enumerate(history) if _is_past(name, query) else ()
    if common_prefix(name, query.prefix, query.delimiter) is not None:
        return ()
    versions = [info.version for info in history]
    marked = query.after_version in versions
    start = versions.index(query.after_version) + 1 if marked else 0
    return list(enumerate(history))[start:]


def part_page(parts: Iterable[PartInfo], after: int, limit: int) -> PartPage:
    """One page of `parts`; they are in order of number."""
    remaining = [part for part in parts if part.number > after]
    chosen = tuple(remaining[:limit])
    more = len(remaining) > limit > 0
    return PartPage(chosen, chosen[-1].number if more else None)


def _is_past(name: str, query: ListQuery | UploadQuery | VersionQuery) -> bool:
    after = query.after
    common = common_prefix(after, query.prefix, query.delimiter)
    return name > after and (common is None or not name.startswith(common))


def _is_upload_past(info: UploadInfo, query: UploadQuery) -> bool:
    if info.name != query.after or not query.after_id:
        return _is_past(info.name, query)
    rolled_up = common_prefix(info.name, query.prefix, query.delimiter) is not None
    return info.id > query.after_id and not rolled_up


def _roll_up(
    items: Iterable[Item], query: ListQuery | UploadQuery | VersionQuery
) -> Iterator[Item | str]:
    last = None
    for item in items:
        if not item.name.startswith(query.prefix):
            continue
        common = common_prefix(item.name, query.prefix, query.delimiter)
        if common is None:
            yield item
        elif common != last:
            last = common
            yield common


def _first(rows: Iterator[Item | str], limit: int) -> tuple[list[Item | str], bool]:
    taken = list(islice(rows, limit + 1))
    return taken[:limit], len(taken) > limit > 0


def _sort_out(rows: list[Item | str]) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    items = tuple(row for row in rows if not isinstance(row, str))
    return items, tuple(row for row in rows if isinstance(row, str))


def _name_of(row: Item | str) -> str:
    return row if isinstance(row, str) else row.name
