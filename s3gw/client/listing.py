"""Listings of buckets, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from s3gw.client.buckets import action
from s3gw.client.call import Call, Page, Request, Response
from s3gw.client.names import ObjectName

PROPS = (
    "name",
    "size",
    "version",
    "checksum",
    "atime",
    "cached",
    "status",
    "copies",
    "ec",
    "custom",
    "location",
    "chunked",
)
RFC3339 = "2006-01-02T15:04:05Z07:00"
_IN_ARCHIVE, _IS_FOLDER, _CHUNKED = 1 << 7, 1 << 8, 1 << 13
_CACHED = 1 << 6
_AS_JSON = {"Accept": "application/json"}


class Flag(IntFlag):
    """AIStore's flags of a listing, as far as they are used here."""

    CACHED = 1
    ARCH_DIR = 1 << 3
    NAME_ONLY = 1 << 4
    NO_RECURSION = 1 << 11
    NO_DIRS = 1 << 13
    NBI = 1 << 15


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Names that begin with `place`. `limit` 0 lists all of them."""

    place: ObjectName
    props: Sequence[str] = ("name", "size")
    flags: int = 0
    start_after: str = ""
    limit: int = 0
    page_size: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. `document` is the server's."""

    name: str
    size: int
    flags: int
    document: Mapping[str, Any]

    @property
    def is_folder(self) -> bool:
        return bool(self.flags & _IS_FOLDER)

    @property
    def is_member(self) -> bool:
        """Whether it is a file within an archive."""
        return bool(self.flags & _IN_ARCHIVE)

    def prop(self, name: str) -> Any:
        """Return the property that `PROPS` names; None if the server did not send it."""
        match name:
            case "size":
                return self.size
            case "cached":
                return bool(self.flags & _CACHED)
            case "chunked":
                return bool(self.flags & _CHUNKED)
            case "status":
                return self.flags & 31
            case "custom":
                return self.document.get("custom-md")
        return self.document.get(name)


def list_objects(query: ListQuery) -> Call[Page[Entry]]:
    """Return the first page; the entries of all pages are sorted by name."""
    return _page(query, query.limit, token="", uuid="")


def _page(query: ListQuery, left: int, *, token: str, uuid: str) -> Call[Page[Entry]]:
    """Return the page at a continuation token; `left` is how many entries may follow, 0 is all."""
    size = min(query.page_size or left, left or query.page_size) if left else query.page_size
    bck = query.place.bck
    value: dict[str, Any] = {
        "prefix": query.place.key,
        "props": ",".join(query.props),
        "flags": str(int(query.flags)),
        "pagesize": size,
        "time_format": RFC3339,
        "continuation_token": token,
        "uuid": uuid,
    }
    if query.start_after and not token:
        value["start_after"] = query.start_after
    request = Request("GET", bck.path, bck.query, action("list", value), headers=_AS_JSON)

    def parse(response: Response) -> Page[Entry]:
        document = response.json() or {}
        entries = [entry_of(each) for each in document.get("entries") or ()]
        entries = entries[:left] if left else entries
        still = left - len(entries)
        token, uuid = document.get("continuation_token", ""), document.get("uuid", "")
        if not token or (left and not still):
            return Page(entries, None)
        return Page(entries, _page(query, still if left else 0, token=token, uuid=uuid))

    return Call(request, parse)


def entry_of(document: Mapping[str, Any]) -> Entry:
    size, flags = document.get("size") or 0, document.get("flags") or 0
    return Entry(document["name"], int(size), int(flags), document)
