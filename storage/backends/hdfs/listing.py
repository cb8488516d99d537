"""Listings of objects, page by page, in the order of S3.

A page walks through the folders in order (`order`), from its marker on, and reads of them what it
shows. With the delimiter `/`, a folder is a common prefix, and only looked into for whether there
is an object in it: not for one with many entries, which is taken to have one. With another
delimiter, what is rolled up is passed by going on after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from msgspec import Struct

from storage.backends.hdfs.facts import FileStatus, info_of
from storage.backends.hdfs.files import Batch, Files
from storage.backends.hdfs.options import HdfsOptions
from storage.backends.hdfs.order import in_order
from storage.backends.hdfs.place import Place, is_possible, is_unfinished, place_of
from storage.listing import common_prefix
from storage.values import ListedPage, ListQuery, ObjectInfo, Page

T = TypeVar("T")

# Keys of S3 have at most so many bytes, so what is deeper has none.
_LONGEST_KEY = 1024
# A folder with more entries is not looked into.
_MOST_LOOKED_AT = 64
_LAST = "\U0010ffff"


class Row(Struct, frozen=True):
    """An object, or a common prefix without `info`; `folder` is that of the prefix, if it is one
    and may have no object in it."""

    name: str
    info: ObjectInfo | None = None
    folder: FileStatus | None = None


class Lister:
    def __init__(self, options: HdfsOptions, files: Files) -> None:
        self._options = options
        self._files = files

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        place = place_of(self._options.root, bucket)
        await self._files.require_bucket(place)
        if query.limit == 0:
            return Page(())
        rows: list[Row] = []
        async with aclosing(self._settled(place, query)) as found:
            async for row in found:
                rows.append(row)
                # One more than wanted says whether there are more.
                if len(rows) > query.limit:
                    break
        page, more = rows[: query.limit], len(rows) > query.limit
        return Page(
            tuple(row.info for row in page if row.info is not None),
            tuple(row.name for row in page if row.info is None),
            page[-1].name if more else None,
        )

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        return show(ListedPage.of(await self.list_objects(bucket, query)))

    async def _settled(self, place: Place, query: ListQuery) -> AsyncGenerator[Row, None]:
        """Yield the rows without the folders that have no object in them; several at once are
        looked into."""
        pending: list[Row] = []
        async with aclosing(self._rows(place, query)) as rows:
            async for row in rows:
                pending.append(row)
                if len(pending) == self._options.at_once:
                    for each in await self._with_objects(place, pending):
                        yield each
                    pending = []
        for each in await self._with_objects(place, pending):
            yield each

    async def _with_objects(self, place: Place, rows: list[Row]) -> list[Row]:
        async def has_objects(row: Row) -> bool:
            return row.folder is None or await self._has_objects(place, row.name, row.folder)

        found = await asyncio.gather(*map(has_objects, rows))
        return [row for row, good in zip(rows, found, strict=True) if good]

    async def _has_objects(self, place: Place, base: str, folder: FileStatus) -> bool:
        if folder.children_num == 0:
            return False
        if folder.children_num > _MOST_LOOKED_AT:
            return True
        batch = await self._reader(place, base)("")
        if batch.more or any(map(_is_object, batch.entries)):
            return True
        for entry in batch.entries:
            below = f"{base}{entry.path_suffix}/"
            if entry.is_folder and await self._has_objects(place, below, entry):
                return True
        return False

    async def _rows(self, place: Place, query: ListQuery) -> AsyncGenerator[Row, None]:
        """Yield objects and common prefixes after the marker, in order."""
        passed = common_prefix(query.after, query.prefix, query.delimiter)
        # Whole folders are rolled up without reading them.
        by_folder = query.delimiter == "/"
        after = query.after
        while True:
            rolled_up: str | None = None
            async with aclosing(self._walk(place, query.prefix, after, by_folder)) as rows:
                async for row in rows:
                    if passed is not None and row.name.startswith(passed):
                        continue
                    if row.info is not None:
                        rolled_up = common_prefix(row.name, query.prefix, query.delimiter)
                        if rolled_up is not None:
                            break
                    yield row
            if rolled_up is None:
                return
            yield Row(rolled_up)
            passed, after = rolled_up, rolled_up + _LAST

    async def _walk(
        self, place: Place, prefix: str, after: str, by_folder: bool
    ) -> AsyncGenerator[Row, None]:
        """Yield the objects after that name, and instead of those in folders, the folders if they
        are rolled up."""
        beginning = prefix.rpartition("/")[2]
        base = prefix.removesuffix(beginning) if beginning else prefix
        if base and not is_possible(Place(place.bucket, place.folder, base[:-1])):
            return
        if not after.startswith(base):
            if after.encode() > base.encode():
                return
            after = base
        stack = [(base, in_order(self._reader(place, base), beginning, after[len(base) :]))]
        try:
            while stack:
                base, entries = stack[-1]
                entry = await anext(entries, None)
                if entry is None:
                    stack.pop()
                    continue
                name = base + entry.path_suffix
                if len(name.encode()) > _LONGEST_KEY:
                    continue
                if _is_object(entry):
                    yield Row(name, info_of(name, entry))
                elif entry.is_folder and by_folder:
                    yield Row(f"{name}/", folder=entry)
                elif entry.is_folder and entry.children_num != 0:
                    below = f"{name}/"
                    rest = after[len(below) :] if after.startswith(below) else ""
                    stack.append((below, in_order(self._reader(place, below), "", rest)))
        finally:
            for _, entries in stack:
                await entries.aclose()

    def _reader(self, place: Place, base: str) -> Callable[[str], Awaitable[Batch]]:
        """Return what reads the folder of those names, which end with a slash."""
        folder = Place(place.bucket, place.folder, base[:-1])
        return partial(self._files.batch, folder)


def _is_object(entry: FileStatus) -> bool:
    return entry.is_file and not is_unfinished(entry.path_suffix)
