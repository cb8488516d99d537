"""What is in a bucket, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from s3gw.client.buckets import action
from s3gw.client.names import ObjectName
from s3gw.client.transport import Client, Request

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
_RFC3339 = "2006-01-02T15:04:05Z07:00"
_IN_ARCHIVE, _IS_FOLDER, _CHUNKED = 1 << 7, 1 << 8, 1 << 13
_CACHED = 1 << 6


class Flag(IntFlag):
    """AIStore's flags of a listing, those that are used here."""

    CACHED = 1
    ARCH_DIR = 1 << 3
    NAME_ONLY = 1 << 4
    NO_RECURSION = 1 << 11
    NO_DIRS = 1 << 13


@dataclass(frozen=True, slots=True)
class Asked:
    """Names from `place` on. `limit` 0 is all of them."""

    place: ObjectName
    props: Sequence[str] = ("name", "size")
    flags: int = 0
    start_after: str = ""
    limit: int = 0
    page_size: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One object. `told` is the server's document, under its own names."""

    name: str
    size: int
    flags: int
    told: Mapping[str, Any]

    @property
    def is_folder(self) -> bool:
        return bool(self.flags & _IS_FOLDER)

    @property
    def is_member(self) -> bool:
        """Whether it is a file within an archive."""
        return bool(self.flags & _IN_ARCHIVE)

    def prop(self, name: str) -> Any:
        """The property as `PROPS` names it; None where the server tells nothing."""
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
                return self.told.get("custom-md")
        return self.told.get(name)


def list_pages(client: Client, asked: Asked) -> Iterator[list[Entry]]:
    """Pages of entries, sorted by name over all of them."""
    token, uuid, left = "", "", asked.limit
    while True:
        size = min(asked.page_size or left, left or asked.page_size) if left else asked.page_size
        document = _page(client, asked, {"continuation_token": token, "uuid": uuid}, size)
        entries = [_entry(each) for each in document.get("entries") or ()]
        yield entries[:left] if left else entries
        token, uuid = document.get("continuation_token", ""), document.get("uuid", "")
        left = max(left - len(entries), 0) if asked.limit else 0
        if not token or (asked.limit and not left):
            return


def list_objects(client: Client, asked: Asked) -> Iterator[Entry]:
    for page in list_pages(client, asked):
        yield from page


def _page(client: Client, asked: Asked, at: Mapping[str, str], size: int) -> dict[str, Any]:
    bck = asked.place.bck
    value = {
        "prefix": asked.place.key,
        "props": ",".join(asked.props),
        "flags": str(int(asked.flags)),
        "pagesize": size,
        "time_format": _RFC3339,
        **at,
    }
    if asked.start_after and not at["continuation_token"]:
        value["start_after"] = asked.start_after
    answer = client.send(
        Request("GET", bck.path, bck.query, action("list", value), headers=_AS_JSON)
    )
    return answer.json() or {}


_AS_JSON = {"Accept": "application/json"}


def _entry(told: Mapping[str, Any]) -> Entry:
    return Entry(told["name"], int(told.get("size") or 0), int(told.get("flags") or 0), told)
