"""Listings of objects, page by page, in the order of bytes.

Azure lists from one of its own markers on, or from a name on (`startFrom`, inclusive), and answers
at most 5000 rows at once, sometimes 0 though there are more. A page here begins at its `after`, in
one request as a rule; where a service does not know `startFrom`, the rows before it are read and
left out.

The order of Azure is not that of UTF-8. It is that of UTF-16, where characters beyond U+FFFF come
before U+E000; and in an account with a hierarchical namespace, `/` comes before all. A page has the
smallest names of all, so it is settled only when no name that is still to come can be one of them.
For characters beyond U+FFFF, all names with that beginning are read. For `/`, that would be whole
directories, and what is out of order is looked for instead:

* names that are larger than `after`, in a directory that was listed before it: `a/x` for `a-b`;
* names that are smaller than the last one, beside its directories: `a-b` for `a/x`.

That costs a small request for each such character in `after`, and for each directory of the last
name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar
from xml.etree import ElementTree

from storage.backends.azure.listing_rows import Answer, Row, read_rows
from storage.backends.azure.place import Place
from storage.backends.azure.service import Request, Service
from storage.errors import BackendDenied, BackendError, BackendUnavailable
from storage.values import ListedPage, ListQuery, Page

T = TypeVar("T")

_MOST_ROWS = 5000
_SIBLINGS_AT_ONCE = 50


class Lister:
    def __init__(self, service: Service) -> None:
        self._service = service
        # Of the account's namespace; unknown until a row has said it.
        self._hierarchical: bool | None = None

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        rows = await self._smallest(bucket, query, query.limit + 1)
        page, more = rows[: query.limit], len(rows) > query.limit > 0
        return Page(
            tuple(row.info for row in page if row.info is not None),
            tuple(row.name for row in page if row.info is None),
            page[-1].name if more else None,
        )

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        return show(ListedPage.of(await self.list_objects(bucket, query)))

    async def _smallest(self, bucket: str, query: ListQuery, wanted: int) -> list[Row]:
        """Return the first rows in the order of bytes: that many, or all."""
        rows, seen = await self._read_on(bucket, query, wanted)
        if self._hierarchical is False or _is_over(query):
            return rows
        rows = _first([*rows, *await self._in_earlier_directories(bucket, query, wanted)], wanted)
        checked: set[str] = set()
        while len(rows) == wanted and not query.delimiter:
            directory = _unchecked_directory(rows[-1].name, query.prefix, seen, checked)
            if directory is None:
                break
            checked.add(directory)
            for prefix in await self._smaller_siblings(bucket, directory):
                beside = ListQuery(prefix, after=query.after)
                rows += await self._smallest(bucket, beside, wanted)
            rows = _first(rows, wanted)
        return rows

    async def _read_on(
        self, bucket: str, query: ListQuery, wanted: int
    ) -> tuple[list[Row], Sequence[str]]:
        """Read from the marker on, in the order of Azure. Return the smallest rows, and the last
        names that were seen; none if these are all."""
        start, marker = _start(query), ""
        rows: list[Row] = []
        while True:
            # The name to begin at is there too.
            limit = min(max(wanted - len(rows), 1) + bool(start), _MOST_ROWS)
            answer = await self._fetch(bucket, query, limit, start, marker)
            rows = _first([*rows, *(row for row in answer.rows if _is_behind(row, query))], wanted)
            if not answer.marker or answer.marker == marker or _is_over(query):
                return rows, ()
            if len(rows) == wanted and self._is_settled(rows[-1].name, query, answer.seen):
                return rows, answer.seen
            marker = answer.marker

    def _is_settled(self, last: str, query: ListQuery, seen: Sequence[str]) -> bool:
        """Whether reading on finds no name before `last`, or only those beside directories."""
        level = query.delimiter and self._hierarchical is not False
        for at, character in enumerate(last[len(query.prefix) :], len(query.prefix)):
            if character > "\uffff" or (level and character == "/"):
                return not any(name.startswith(last[:at]) for name in seen)
        return True

    async def _in_earlier_directories(
        self, bucket: str, query: ListQuery, wanted: int
    ) -> list[Row]:
        """Return the smallest rows of directories that Azure lists before `after`, though they
        are larger."""
        begun, after = len(query.prefix), query.after
        if not after.startswith(query.prefix):
            return []
        if query.delimiter and (found := after.find(query.delimiter, begun)) >= 0:
            after = after[:found]
        rows: list[Row] = []
        for at, character in enumerate(after[begun:], begun):
            directory = f"{after[:at]}/"
            if character >= "/" or directory == "/" or directory.endswith("//"):
                continue
            if not query.delimiter:
                rows += await self._in_directory(bucket, directory, wanted)
            elif await self._in_directory(bucket, directory, 1):
                rows.append(Row(directory))
        return rows

    async def _in_directory(self, bucket: str, directory: str, wanted: int) -> list[Row]:
        try:
            return await self._smallest(bucket, ListQuery(directory), wanted)
        except (BackendDenied, BackendUnavailable):
            raise
        except BackendError:
            # It is an error there to list what is below a file.
            return []

    async def _smaller_siblings(self, bucket: str, directory: str) -> list[str]:
        """Return the beginnings, one character longer than the directory's name, of the names
        beside it that are smaller than those in it."""
        level = ListQuery(directory, "/")
        found: set[str] = set()
        start = marker = ""
        while True:
            answer = await self._fetch(bucket, level, _SIBLINGS_AT_ONCE, start, marker)
            initials = {row.name[len(directory) :][:1] for row in answer.rows}
            new = {each for each in initials if "" < each < "/"} - found
            found |= new
            if not answer.marker or any(each > "/" for each in initials):
                return [directory + each for each in sorted(found)]
            start, marker = start, answer.marker
            if new:
                start, marker = directory + chr(ord(max(found)) + 1), ""

    async def _fetch(
        self, bucket: str, query: ListQuery, limit: int, start: str, marker: str
    ) -> Answer:
        said = {
            "prefix": query.prefix,
            "delimiter": query.delimiter,
            "marker": marker,
            "startFrom": start,
        }
        params = {name: value for name, value in said.items() if value}
        fixed = {"restype": "container", "comp": "list", "maxresults": str(limit)}
        answer = await self._service.send(Place(bucket), Request("GET", {**fixed, **params}))
        try:
            read = await asyncio.to_thread(read_rows, answer.body)
        except (ElementTree.ParseError, ValueError):
            raise BackendError(str(Place(bucket)), "InvalidResponse", "it is not a list") from None
        if read.hierarchical is not None:
            self._hierarchical = read.hierarchical
        return read


def _start(query: ListQuery) -> str:
    """The name to begin at, so that no wanted one is before it by its characters beyond U+FFFF;
    empty for the first one."""
    after, begun = query.after, len(query.prefix)
    if not after.startswith(query.prefix):
        return ""
    if query.delimiter and (found := after.find(query.delimiter, begun)) >= 0:
        after = after[:found]
    for at, character in enumerate(after[begun:], begun):
        if character >= "\ue000":
            after = after[:at]
            break
    return after if len(after) > begun else ""


def _first(rows: Sequence[Row], wanted: int) -> list[Row]:
    unique = {row.name: row for row in rows}
    return sorted(unique.values(), key=lambda row: row.order)[:wanted]


def _unchecked_directory(
    last: str, prefix: str, seen: Sequence[str], checked: set[str]
) -> str | None:
    """Return a directory of the name that was not read to its end, without its slash."""
    for at, character in enumerate(last[len(prefix) :], len(prefix)):
        directory = last[:at]
        if character != "/" or not directory or directory in checked:
            continue
        if any(name.startswith(directory) for name in seen):
            return directory
    return None


def _is_over(query: ListQuery) -> bool:
    """Whether there can be nothing in the page, and one request does, to find the container."""
    past = not query.after.startswith(query.prefix) and query.after.encode() > query.prefix.encode()
    return query.limit == 0 or past


def _is_behind(row: Row, query: ListQuery) -> bool:
    """Whether a row is after the marker, which may be inside of a common prefix."""
    if row.info is None and query.after.startswith(row.name):
        return False
    return row.order > query.after.encode()
