"""Listings of objects, page by page, in the order of bytes.

Azure lists from one of its own markers on, or from a name on (`startFrom`, inclusive), and answers
at most 5000 rows at once, sometimes 0 though there are more. A page here begins at its
`after`, in one request as a rule; where a service does not know `startFrom`, the rows before it are
read and left out.

The order of a service may be another one than that of UTF-8: by UTF-16, characters beyond U+FFFF
come before U+E000; and in an account with a hierarchical namespace, `/` comes before all. A page
holds the smallest names, and it is settled only when no name that is still to come can be one of
them: where that may be, all names with that beginning are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import unquote
from xml.etree import ElementTree

from msgspec import Struct

from storage.backends.azure.facts import listed_class, ns_of, unquoted
from storage.backends.azure.place import Place
from storage.backends.azure.service import Request, Service
from storage.errors import BackendError
from storage.values import NO_ATTRIBUTES, Attributes, ListedPage, ListQuery, ObjectInfo, Page

T = TypeVar("T")

_MOST_ROWS = 5000


class _Row(Struct, frozen=True):
    """A name, or a common prefix without `info`."""

    name: str
    info: ObjectInfo | None = None

    @property
    def order(self) -> bytes:
        return self.name.encode()


class _Answer(Struct, frozen=True):
    """Rows of one answer. `seen` are the last names of it, in either order, also of rows that are
    not objects; `hierarchical` is None if no row says it."""

    rows: Sequence[_Row]
    seen: Sequence[str]
    marker: str
    hierarchical: bool | None


class Lister:
    def __init__(self, service: Service) -> None:
        self._service = service
        # Unknown until a row has said it.
        self._hierarchical: bool | None = None

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        wanted = query.limit + 1
        start, marker = self._start(query), ""
        rows: list[_Row] = []
        while True:
            limit = min(max(wanted - len(rows), 1), _MOST_ROWS)
            answer = await self._fetch(bucket, query, limit, start, marker)
            rows += [row for row in answer.rows if _is_behind(row, query)]
            if not answer.marker or answer.marker == marker or not query.limit:
                break
            rows = sorted(rows, key=lambda row: row.order)[:wanted]
            if len(rows) == wanted and self._is_settled(rows[-1].name, query.prefix, answer.seen):
                break
            marker = answer.marker
        rows = sorted(rows, key=lambda row: row.order)
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

    async def _fetch(
        self, bucket: str, query: ListQuery, limit: int, start: str, marker: str
    ) -> _Answer:
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
            read = await asyncio.to_thread(_read, answer.body)
        except (ElementTree.ParseError, ValueError):
            raise BackendError(str(Place(bucket)), "InvalidResponse", "it is not a list") from None
        if read.hierarchical is not None:
            self._hierarchical = read.hierarchical
        return read

    def _start(self, query: ListQuery) -> str:
        """The name that no wanted one comes before, in any order; empty for the first one."""
        after, begun = query.after, len(query.prefix)
        if not after.startswith(query.prefix):
            return ""
        if query.delimiter and (found := after.find(query.delimiter, begun)) >= 0:
            after = after[:found]
        flat = self._hierarchical is False
        for at, character in enumerate(after[begun:], begun):
            if character >= "\ue000" or (not flat and character <= "/"):
                after = after[:at]
                break
        return after if len(after) > begun else ""

    def _is_settled(self, last: str, prefix: str, seen: Sequence[str]) -> bool:
        """Whether all names up to `last` have been seen."""
        flat = self._hierarchical is False
        for at, character in enumerate(last[len(prefix) :], len(prefix)):
            if character > "\uffff" or (not flat and character == "/"):
                return not any(name.startswith(last[:at]) for name in seen)
        return True


def _is_behind(row: _Row, query: ListQuery) -> bool:
    """Whether a row is after the marker, which may be inside of a common prefix."""
    if row.info is None and query.after.startswith(row.name):
        return False
    return row.order > query.after.encode()


def _read(body: bytes) -> _Answer:
    root = ElementTree.fromstring(body)
    if root.tag != "EnumerationResults":
        raise ValueError(root.tag)
    rows: list[_Row] = []
    names: list[str] = []
    kinds: set[str | None] = set()
    for element in root.find("Blobs") or ():
        name = _name(element.find("Name"))
        names.append(name)
        if element.tag == "BlobPrefix":
            rows.append(_Row(name))
        elif element.tag == "Blob":
            kind = element.findtext("Properties/ResourceType")
            kinds.add(kind)
            # A directory is not an object.
            if kind != "directory":
                rows.append(_Row(name, _info(name, element)))
    seen = [max(names, key=order) for order in (_utf8, _utf16, _tree)] if names else []
    marker = root.findtext("NextMarker") or ""
    return _Answer(rows, seen, marker, kinds != {None} if kinds else None)


def _utf8(name: str) -> bytes:
    return name.encode()


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def _tree(name: str) -> bytes:
    return name.replace("/", "\0").encode("utf-16-be")


def _name(element: ElementTree.Element | None) -> str:
    """Names that XML has no way to write are encoded as in a URL."""
    if element is None:
        raise ValueError("a row without a name")
    text = element.text or ""
    return unquote(text) if element.get("Encoded") == "true" else text


def _info(name: str, element: ElementTree.Element) -> ObjectInfo:
    """A listing says less than a HEAD: name, size, ETag, time, storage class."""
    said = {each.tag: each.text or "" for each in element.find("Properties") or ()}
    storage_class = listed_class(
        said.get("AccessTier", ""), inferred=said.get("AccessTierInferred") == "true"
    )
    return ObjectInfo(
        name=name,
        size=int(said.get("Content-Length", "")),
        etag=unquoted(said.get("Etag", "")),
        modified_ns=ns_of(said.get("Last-Modified", "")),
        attributes=NO_ATTRIBUTES
        if storage_class == "STANDARD"
        else Attributes(storage_class=storage_class),
    )
