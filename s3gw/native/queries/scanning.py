"""Scans of an index for the objects that meet a filter.

A page of the index is narrowed where it is read, in the store's thread, so nothing of an object
that does not meet the filter is kept, and no body is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from functools import partial
from typing import Any

from msgspec import Struct

from s3gw.native.queries.filters import Filter, Rows
from storage.backend import Backend
from storage.values import ListedPage, ListQuery

# The most rows that are read in one step.
_MOST_ROWS = 10_000
_FEWEST_ROWS = 500
# Rows are read for some times more objects than are wanted, where a filter leaves some out.
_FOR_EACH = 4


class Scan(Struct, frozen=True):
    """`names` are the only ones, None for all with the prefix. `accessed` returns the times of the
    last reads, `shown` the entries of a page."""

    store: Backend
    bucket: str
    prefix: str
    filter: Filter
    names: Set[str] | None
    accessed: Callable[[ListedPage], Any]
    shown: Callable[[ListedPage], list[Any]]

    async def next(self, after: str, size: int) -> tuple[list[Any], str | None]:
        """Return up to `size` entries after a name, fewer only at the end, and the name to go on
        after; None at the end."""
        entries: list[Any] = []
        place: str | None = after
        while place is not None and len(entries) < size:
            wanted = size - len(entries)
            rows = min(max(wanted * _FOR_EACH, _FEWEST_ROWS), _MOST_ROWS)
            query = ListQuery(self.prefix, "", place, rows)
            narrowed = partial(self._narrowed, wanted)
            found, place = await self.store.show_objects(self.bucket, query, narrowed)
            entries += found
        return entries, place

    def _narrowed(self, most: int, page: ListedPage) -> tuple[list[Any], str | None]:
        names, listed = page.names, page.listed
        places: Any = range(len(names))
        if self.names is not None:
            places = [at for at in places if names[at] in self.names]
        accessed = self.accessed(page) if self.filter.needs_access_times else ()
        found = self.filter.narrow(Rows(names, listed, accessed), places)
        following = page.next_after
        if len(found) > most or (len(found) == most and following is not None):
            found = found[:most]
            following = names[found[-1]]
        if not found:
            return [], following
        chosen = ListedPage([names[at] for at in found], [listed[at] for at in found])
        return self.shown(chosen), following
