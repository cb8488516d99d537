"""Cells of SQLite's b-trees: rows of a table, pages below an inner one.

A table with a rowid has its rows in the leaves; one without has them in all pages, ordered by the
key. What does not fit into a page continues in a chain of others.

https://sqlite.org/fileformat2.html#b_tree_pages
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from msgspec import Struct

from storage.sqlite.pages import USABLE, Page, Pages, Trust

_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13
_KINDS = (_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE)
_FILE_HEADER = 100
_LEAST = (USABLE - 12) * 32 // 255 - 23

Value = int | float | str | bytes | None


class TableRow(Struct, frozen=True):
    """A row as it is stored; `rowid` is None in tables without. Not `sure`: on a damaged page."""

    rowid: int | None
    values: tuple[Value, ...]
    sure: bool


class Unreadable(Exception):
    """The bytes are not what they should be."""


def is_btree(page: Page, number: int) -> bool:
    return len(page.content) > 108 and page.content[_start(number)] in _KINDS


def children(page: Page, number: int) -> list[int]:
    """The pages below, in the order of their keys."""
    start = _start(number)
    if page.content[start] not in (_INNER_INDEX, _INNER_TABLE):
        return []
    found = [
        struct.unpack_from(">I", page.content, place)[0]
        for place in _cells(page, number)
        if place + 4 <= USABLE
    ]
    return [*found, struct.unpack_from(">I", page.content, start + 8)[0]]


def rows(pages: Pages, page: Page, number: int) -> Iterator[TableRow | Unreadable]:
    """Those of this page alone."""
    if page.content[_start(number)] == _INNER_TABLE:
        return
    for place in _cells(page, number):
        try:
            yield _row(pages, page, number, place)
        except (Unreadable, struct.error, IndexError, ValueError) as error:
            yield Unreadable(str(error))


def _start(number: int) -> int:
    return _FILE_HEADER if number == 1 else 0


def _cells(page: Page, number: int) -> list[int]:
    start = _start(number)
    kind, _, count = struct.unpack_from(">BHH", page.content, start)
    first = start + (12 if kind in (_INNER_INDEX, _INNER_TABLE) else 8)
    count = min(count, (USABLE - first) // 2)
    return list(struct.unpack_from(f">{count}H", page.content, first))


def _row(pages: Pages, page: Page, number: int, place: int) -> TableRow:
    content, kind = page.content, page.content[_start(number)]
    if place < _start(number) + 8 or place >= USABLE:
        raise Unreadable("a cell outside of the page")
    if kind == _INNER_INDEX:
        place += 4
    size, place = _varint(content, place)
    rowid = None
    if kind == _LEAF_TABLE:
        rowid, place = _varint(content, place)
        rowid = rowid - (1 << 64) if rowid >> 63 else rowid
    payload, sure = _payload(pages, content, place, size, is_table=kind == _LEAF_TABLE)
    return TableRow(rowid, _record(payload), sure and page.trust is Trust.SURE)


def _payload(
    pages: Pages, content: bytes, place: int, size: int, *, is_table: bool
) -> tuple[bytes, bool]:
    most = USABLE - 35 if is_table else (USABLE - 12) * 64 // 255 - 23
    if size <= most:
        if place + size > USABLE:
            raise Unreadable("a row outside of the page")
        return content[place : place + size], True
    if size > pages.count * USABLE:
        raise Unreadable("a row larger than the file")
    local = _LEAST + (size - _LEAST) % (USABLE - 4)
    local = local if local <= most else _LEAST
    (following,) = struct.unpack_from(">I", content, place + local)
    parts, left, sure = [content[place : place + local]], size - local, True
    while left > 0:
        page = pages.get(following)
        if page.trust is Trust.LOST:
            raise Unreadable(f"page {following} is lost")
        sure = sure and page.trust is Trust.SURE
        (following,) = struct.unpack_from(">I", page.content)
        parts.append(page.content[4 : 4 + min(left, USABLE - 4)])
        left -= USABLE - 4
    return b"".join(parts), sure


def _record(payload: bytes) -> tuple[Value, ...]:
    head, place = _varint(payload, 0)
    if head > len(payload):
        raise Unreadable("a row whose head is larger than itself")
    values: list[Value] = []
    body = head
    while place < head:
        kind, place = _varint(payload, place)
        value, body = _value(payload, kind, body)
        values.append(value)
    if body != len(payload):
        raise Unreadable("a row with another size than its columns")
    return tuple(values)


_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def _value(payload: bytes, kind: int, place: int) -> tuple[Value, int]:
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), place
    if kind in _INT_BYTES:
        end = place + _INT_BYTES[kind]
        return int.from_bytes(payload[place:end], "big", signed=True), end
    if kind == 7:
        return struct.unpack_from(">d", payload, place)[0], place + 8
    if kind < 12:
        raise Unreadable("a column of unknown type")
    end = place + (kind - 12) // 2
    if end > len(payload):
        raise Unreadable("a column beyond its row")
    raw = payload[place:end]
    return (raw.decode() if kind % 2 else raw), end


def _varint(content: bytes, place: int) -> tuple[int, int]:
    number = 0
    for at in range(place, place + 8):
        byte = content[at]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at + 1
    return number << 8 | content[place + 8], place + 9
