"""Listings with archives as folders: members among the objects.

A page needs no state: the archives that have members after a marker are those whose names it begins
with. An object and a member of the same name are one row, the object's.
"""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from storage.archives.contents import Contents, Row
from storage.archives.formats import archives_in, format_of_name
from storage.backend import Backend
from storage.errors import ObjectNotFound
from storage.listing import common_prefix
from storage.pacing import off_loop
from storage.values import ListedPage, ListQuery, ObjectInfo, Page

# What is in an archive; None for an object that is not one, or that the client may not read.
LookInto = Callable[[ObjectInfo], Awaitable[Contents | None]]
_CHUNK = 1000
# A page costs less for each byte than other input: its names are so many times longer before a
# thread is worth it.
_FOLD = 4
T = TypeVar("T")


class FolderPage(Struct, frozen=True):
    """A page, and the names on it that are archives with members after them, and those that
    are members."""

    page: Page
    archives: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()

    async def show(self, show: Callable[[ListedPage], T]) -> T:
        """What `show` makes of the page; pages of long names are shown in a thread."""
        page = ListedPage.of(self.page)
        size = sum(map(len, page.names)) + sum(map(len, page.common_prefixes))
        return await off_loop(size // _FOLD, show, page)


class Folders(Struct):
    """Lists one bucket."""

    store: Backend
    bucket: str
    look_into: LookInto

    async def below(self, query: ListQuery) -> FolderPage:
        """The objects, and the members of the archive that the prefix reaches into; of several
        whose names begin it, the first that is there."""
        for name in archives_in(query.prefix):
            if (info := await self._head(name)) is not None:
                contents = await self.look_into(info)
                return await self._page(query, [contents] if contents else [], every=False)
        return await self._page(query, [], every=False)

    async def every(self, query: ListQuery) -> FolderPage:
        """The objects, and the members of all that are archives: each of them, for they are not
        in folders that the delimiter could fold."""
        inside = []
        for name in _begun(query):
            if query.delimiter and common_prefix(name, query.prefix, query.delimiter):
                continue
            if (info := await self._head(name)) is not None:
                contents = await self.look_into(info)
                inside += [contents] if contents else []
        return await self._page(query, inside, every=True)

    async def _head(self, name: str) -> ObjectInfo | None:
        try:
            return (await self.store.head_object(self.bucket, name)).info
        except ObjectNotFound:
            return None

    async def _page(self, query: ListQuery, inside: list[Contents], *, every: bool) -> FolderPage:
        if not query.limit or not (inside or every):
            return FolderPage(await self.store.list_objects(self.bucket, query))
        rows = _Rows(query, replace(query, delimiter="") if every else query)
        for contents in inside:
            rows.open(contents)
        async for row in self._objects(query):
            # Behind a member, the objects that go on are of a folder that was listed before it.
            if every and _name_of(row) <= query.after:
                continue
            if rows.add(row):
                break
            found = await self._look_into(row) if every else None
            if found is not None:
                rows.open(found)
        else:
            rows.drain()
        return rows.page()

    async def _look_into(self, row: Row) -> Contents | None:
        if isinstance(row, str) or format_of_name(row.name) is None:
            return None
        return await self.look_into(row)

    async def _objects(self, query: ListQuery) -> AsyncIterator[Row]:
        after: str | None = query.after
        while after is not None:
            limit = min(query.limit + 1, _CHUNK)
            asked = ListQuery(query.prefix, query.delimiter, after, limit)
            page = await self.store.list_objects(self.bucket, asked)
            rows: list[Row] = [*page.objects, *page.common_prefixes]
            for row in sorted(rows, key=_name_of) if page.common_prefixes else rows:
                yield row
            after = page.next_after


class _Rows(Struct):
    """The rows of a page as they are found; one row more than fits shows that there are more."""

    query: ListQuery
    of_members: ListQuery
    found: list[Row] = field(default_factory=list)
    archives: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    # By name, then by their archive's: of two, the archive with the shorter name is first.
    _waiting: list[tuple[str, str, Row, Iterator[Row]]] = field(default_factory=list)

    def open(self, contents: Contents) -> None:
        self.archives.add(contents.archive.name)
        self._wait(contents.archive.name, contents.rows(self.of_members))

    def add(self, row: Row) -> bool:
        """An object or a common prefix, after the members that precede it; whether that is
        enough."""
        self.drain(before=_name_of(row))
        self._append(row)
        return self._is_full

    def drain(self, before: str | None = None) -> None:
        waiting = self._waiting
        while waiting and not self._is_full:
            name, archive, row, rest = waiting[0]
            if before is not None and name >= before:
                return
            if self._append(row) and isinstance(row, ObjectInfo):
                self.members.add(name)
            following = next(rest, None)
            if following is None:
                heapq.heappop(waiting)
            else:
                heapq.heapreplace(waiting, (_name_of(following), archive, following, rest))

    def page(self) -> FolderPage:
        limit = self.query.limit
        rows = self.found[:limit]
        more = _name_of(rows[-1]) if self._is_full else None
        objects = tuple(row for row in rows if isinstance(row, ObjectInfo))
        prefixes = tuple(row for row in rows if isinstance(row, str))
        members = self.members.intersection(info.name for info in objects)
        archives = self.archives.intersection(info.name for info in objects)
        return FolderPage(Page(objects, prefixes, more), frozenset(archives), frozenset(members))

    @property
    def _is_full(self) -> bool:
        return len(self.found) > self.query.limit

    def _append(self, row: Row) -> bool:
        if self._is_full or (self.found and _name_of(self.found[-1]) == _name_of(row)):
            return False
        self.found.append(row)
        return True

    def _wait(self, archive: str, rows: Iterator[Row]) -> None:
        row = next(rows, None)
        if row is not None:
            heapq.heappush(self._waiting, (_name_of(row), archive, row, rows))


def _name_of(row: Row) -> str:
    return row if isinstance(row, str) else row.name


def _begun(query: ListQuery) -> list[str]:
    """The names of archives that may have members on the page though they are not on it themselves:
    those that the prefix reaches into, and those that `after` is, or is behind, with members behind
    it."""
    prefix, after = query.prefix, query.after
    names = dict.fromkeys(archives_in(prefix))
    for end in range(max(len(prefix), 1), len(after) + 1):
        is_near = end == len(after) or after[end] <= "/"
        if is_near and after.startswith(prefix) and format_of_name(after[:end]):
            names[after[:end]] = None
    return list(names)
