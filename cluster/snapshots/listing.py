"""Pages of a snapshot: the manifest says in which chunk the next name is.

The place of a page is the least name that may be on it. A folder is passed by moving the place
behind all names in it, so its chunks are not read.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from operator import attrgetter

from cluster.snapshots.kept import Snapshots
from cluster.snapshots.records import Manifest, Row
from storage.listing import common_prefix
from storage.values import ListQuery, ObjectInfo, Page

_NAME = attrgetter("name")


async def snapshot_page(kept: Snapshots, manifest: Manifest, query: ListQuery) -> Page:
    """Return one page. Raise `ObjectNotFound` for a snapshot that was removed meanwhile."""
    lasts = [chunk.last for chunk in manifest.chunks]
    page = _Page(query)
    number = bisect_left(lasts, page.place)
    while number < len(lasts) and not page.is_over(lasts[number]):
        rows = await kept.rows(manifest, number)
        await asyncio.to_thread(page.take, rows)
        number = bisect_left(lasts, page.place)
    return page.made


class _Page:
    """A page that is filled; its rows are objects and common prefixes."""

    def __init__(self, query: ListQuery) -> None:
        self.query = query
        self.place = max(query.prefix, self._behind_marker())
        self._objects: list[ObjectInfo] = []
        self._folders: list[str] = []
        self._last = ""
        self._ended = not self.place.startswith(query.prefix)
        self._next_after: str | None = None

    @property
    def made(self) -> Page:
        return Page(tuple(self._objects), tuple(self._folders), self._next_after)

    def is_over(self, last: str) -> bool:
        """Whether the page needs nothing of the next chunk, whose last name is not before the
        place."""
        # Only the chunk itself says whether it has other names with the prefix.
        if not self._ended and last.startswith(self.query.prefix):
            self._fits(last)
        return self._ended

    def take(self, rows: list[Row]) -> None:
        """Take what belongs to the page of one chunk's rows, which are in order."""
        at = bisect_left(rows, self.place, key=_NAME)
        while at < len(rows):
            name = rows[at].name
            if not self._fits(name):
                return
            folder = common_prefix(name, self.query.prefix, self.query.delimiter)
            if folder is None:
                self._objects.append(rows[at].info)
                self._last, self.place = name, _behind(name)
                at += 1
            else:
                self._folders.append(folder)
                self._last, self.place = folder, _behind_all(folder)
                at = bisect_left(rows, self.place, lo=at, key=_NAME)

    def _fits(self, name: str) -> bool:
        """Whether the page has room for the next row; if not, it is over."""
        if not name.startswith(self.query.prefix):
            self._ended = True
        elif len(self._objects) + len(self._folders) >= self.query.limit:
            self._ended, self._next_after = True, self._last
        return not self._ended

    def _behind_marker(self) -> str:
        after = self.query.after
        if not after:
            return ""
        folder = common_prefix(after, self.query.prefix, self.query.delimiter)
        return _behind(after) if folder is None else _behind_all(folder)


def _behind(name: str) -> str:
    """Return the least text that is greater."""
    return f"{name}\0"


def _behind_all(prefix: str) -> str:
    """Return the least text that is greater than all that begin with the prefix. The result is
    compared only: its last character may be one that no name can have."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
