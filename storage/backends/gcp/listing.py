"""Listings of objects, with all that a HEAD says of them.

Cloud Storage lists from a name on, that name included, and would go through all that is in a common
prefix to show it again: after one, the listing begins at the next name that does not begin so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from storage.backends.gcp.facts import FIELDS, Resource, bucket_path
from storage.backends.gcp.paging import Row, first_rows, items_of, prefixes_of
from storage.backends.gcp.place import Place
from storage.backends.gcp.remote import Remote, read
from storage.listing import common_prefix
from storage.values import ListedPage, ListQuery, ObjectInfo, Page

if TYPE_CHECKING:
    from storage.backends.gcp.wire import Answer

T = TypeVar("T")

_FIELDS = f"nextPageToken,prefixes,items({FIELDS})"
_LAST = "\U0010ffff"


class _Listed(Struct, frozen=True, rename="camel"):
    items: list[Resource] = []
    prefixes: list[str] = []
    next_page_token: str = ""


class Lister:
    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        place, path = Place(bucket), f"{bucket_path(bucket)}/o"
        behind = common_prefix(query.after, query.prefix, query.delimiter)
        start = query.after if behind is None else _after_all(behind)
        chosen = {"prefix": query.prefix, "delimiter": query.delimiter, "startOffset": start or ""}
        wanted = {name: text for name, text in chosen.items() if text}

        async def fetch(limit: int, onward: str) -> tuple[list[Row[ObjectInfo]], str]:
            params = {"maxResults": str(limit), "fields": _FIELDS, **wanted}
            if onward:
                params["pageToken"] = onward
            answer = await self._remote.call(place, "GET", path, params=params)
            return await asyncio.to_thread(_read_page, answer, place)

        def is_past(row: Row[ObjectInfo]) -> bool:
            name = row[0]
            return name > query.after and (behind is None or not name.startswith(behind))

        if start is None:
            await self._remote.call(place, "GET", bucket_path(bucket), params={"fields": "name"})
            return Page(())
        rows, more = await first_rows(fetch, query.limit, is_past)
        return Page(items_of(rows), prefixes_of(rows), rows[-1][0] if more else None)

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        return show(ListedPage.of(await self.list_objects(bucket, query)))


def _read_page(answer: Answer, place: Place) -> tuple[list[Row[ObjectInfo]], str]:
    """A thousand rows take some milliseconds."""
    page = read(_Listed, answer, place)
    rows: list[Row[ObjectInfo]] = [(each.name, each.info) for each in page.items]
    rows += [(name, None) for name in page.prefixes]
    return sorted(rows, key=lambda row: row[0]), page.next_page_token


def _after_all(prefix: str) -> str | None:
    """Return the first text after all that begin with the prefix, None if no text is."""
    stem = prefix.rstrip(_LAST)
    if not stem:
        return None
    code = ord(stem[-1]) + 1
    # No text has a surrogate.
    return stem[:-1] + chr(0xE000 if code == 0xD800 else code)
