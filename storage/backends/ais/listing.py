"""Listings of objects, with size, version and checksum of each.

AIStore rolls names up at slashes only; so names are rolled up here, and what is under a common
prefix is skipped by beginning after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from storage.backends.ais.facts import CHECKSUM_VALUE, VERSION, info_of, ns_of
from storage.backends.ais.place import Place, place_of
from storage.backends.ais.service import Answer, Request, Service, bucket_path
from storage.errors import BackendError
from storage.listing import common_prefix, object_page
from storage.values import ListedPage, ListQuery, ObjectInfo, Page

T = TypeVar("T")

# As many as AIStore gives at most.
MOST_ROWS = 10_000
_MSGPACK = "application/msgpack"
_PROPS = "name,size,version,checksum,atime"
_LAST = "\U0010ffff"
# AIStore's layout for its times, in Go's words.
_TIMES = "2006-01-02T15:04:05Z07:00"


class _Entry(Struct, frozen=True):
    name: str = field(name="n", default="")
    checksum: str = field(name="cs", default="")
    accessed: str = field(name="a", default="")
    version: str = field(name="v", default="")
    size: int = field(name="s", default=0)

    def info(self) -> ObjectInfo:
        facts = {CHECKSUM_VALUE: self.checksum, VERSION: self.version}
        info = info_of(self.name, self.size, facts)
        return msgspec.structs.replace(info, modified_ns=ns_of(self.accessed))


class _Listed(Struct, frozen=True):
    token: str = field(name="ContinuationToken", default="")
    entries: list[_Entry] | None = field(name="Entries", default=None)


class Lister:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        place = place_of(bucket)
        found: list[ObjectInfo] = []
        after, rows = query.after, 0
        common = common_prefix(after, query.prefix, query.delimiter)
        if common is not None:
            after = common + _LAST
        # One more than wanted says whether there are more.
        while rows <= query.limit:
            page, more = await self._page(place, query, after, query.limit + 1 - rows)
            found += page
            if not more or not page:
                break
            after, rows = page[-1].name, _count(found, query)
            common = common_prefix(after, query.prefix, query.delimiter)
            if common is not None:
                after = common + _LAST
        return object_page(found, query)

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        return show(ListedPage.of(await self.list_objects(bucket, query)))

    async def _page(
        self, place: Place, query: ListQuery, after: str, limit: int
    ) -> tuple[list[ObjectInfo], bool]:
        """Return names after that one, and whether there are more."""
        wanted: dict[str, Any] = {
            "prefix": query.prefix,
            "pagesize": min(limit, MOST_ROWS),
            "props": _PROPS,
            "time_format": _TIMES,
            "flags": "0",
            "uuid": "",
        }
        if after:
            wanted["start_after"] = after
        message = {"action": "list", "value": wanted}
        headers = {"accept": _MSGPACK}
        request = Request("GET", bucket_path(place), place.query, headers, message)
        answer = await self._service.send(place, request)
        return await asyncio.to_thread(_read, answer, place)


def _count(found: list[ObjectInfo], query: ListQuery) -> int:
    names = (common_prefix(info.name, query.prefix, query.delimiter) or info for info in found)
    return len({each if isinstance(each, str) else each.name for each in names})


def _read(answer: Answer, place: Place) -> tuple[list[ObjectInfo], bool]:
    """A thousand rows take some milliseconds."""
    try:
        page = msgspec.msgpack.decode(answer.body, type=_Listed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BackendError(str(place), "InvalidResponse", "it is not a listing") from None
    return [entry.info() for entry in page.entries or ()], bool(page.token)
