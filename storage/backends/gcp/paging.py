"""Rows of listings that come page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
# A name and its item, or a common prefix and None.
Row = tuple[str, Item | None]

MOST_ROWS = 1000


async def first_rows(
    fetch: Callable[[int, str], Awaitable[tuple[list[Row[Item]], str]]],
    limit: int,
    is_past: Callable[[Row[Item]], bool],
) -> tuple[list[Row[Item]], bool]:
    """Return as many rows as wanted, in order, of those that are past the marker, and whether there
    are more. `fetch` is called with a number of rows and with what the page before said to go on
    by, empty at first and at the end."""
    rows: list[Row[Item]] = []
    onward, seen = "", set[str]()
    # One more than wanted says whether there are more.
    while len(rows) <= limit:
        page, onward = await fetch(min(limit + 1 - len(rows), MOST_ROWS), onward)
        rows += [row for row in page if is_past(row)]
        # A server that does not get on would never end.
        if not onward or onward in seen:
            break
        seen.add(onward)
    return rows[:limit], len(rows) > limit > 0


def items_of(rows: Sequence[Row[Item]]) -> tuple[Item, ...]:
    return tuple(item for _, item in rows if item is not None)


def prefixes_of(rows: Sequence[Row[Item]]) -> tuple[str, ...]:
    return tuple(name for name, item in rows if item is None)
