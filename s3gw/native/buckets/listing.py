"""Listing of a bucket: pages of entries, in msgpack or JSON.

A page is a scan of the index, as S3's is; the token for the next page is the last name of this one,
so the server keeps no state, and the listing's id means nothing to it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import repeat
from operator import attrgetter, or_
from typing import Any, Self

import msgspec
from msgspec import Struct

from cluster.snapshots.records import Manifest
from s3gw.access import Access, authorize
from s3gw.config.bucket_properties import properties_of
from s3gw.http.reply import Reply
from s3gw.native.buckets.archive_listing import NO_MARKS, Marks, show_page
from s3gw.native.buckets.inventory_listing import INV_NAME, inventory_of, list_inventory
from s3gw.native.buckets.list_properties import PROPS_THERE, ListFlag, ListMessage
from s3gw.native.call import NativeCall
from s3gw.native.errors import JSON, NativeError
from s3gw.native.object_names import prefix_of
from s3gw.native.objects.checksums import checksum_text
from s3gw.native.objects.location import location_of
from s3gw.native.objects.object_headers import version_text
from s3gw.native.operation import header, operation, value
from s3gw.native.remote_buckets import Reference
from s3gw.objects.aistore_names import names_of
from storage.tier import RemoteBucket
from storage.values import BucketInfo, Listed, ListedPage, ListQuery

MSGPACK = "application/msgpack"

_CACHED = 1 << 6
_IS_DIR = 1 << 8
_CHUNKED = 1 << 13
_NS = 1_000_000_000
_BASIC = frozenset({"name", "size", "cached", "status"})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Go's names of time formats, as Python writes them; all in UTC.
_TIMES = {
    "": "%d %b %y %H:%M UTC",
    "02 Jan 06 15:04 MST": "%d %b %y %H:%M UTC",
    "02 Jan 06 15:04 -0700": "%d %b %y %H:%M +0000",
    "Mon, 02 Jan 2006 15:04:05 MST": "%a, %d %b %Y %H:%M:%S UTC",
    "Mon, 02 Jan 2006 15:04:05 -0700": "%a, %d %b %Y %H:%M:%S +0000",
    "2006-01-02T15:04:05Z07:00": "%Y-%m-%dT%H:%M:%SZ",
    "Jan _2 15:04:05": "%b %e %H:%M:%S",
    "Jan _2 15:04:05.000": "%b %e %H:%M:%S.000",
}
# The names of Go's constants for them.
_TIMES |= {
    "RFC822": _TIMES["02 Jan 06 15:04 MST"],
    "RFC822Z": _TIMES["02 Jan 06 15:04 -0700"],
    "RFC1123": _TIMES["Mon, 02 Jan 2006 15:04:05 MST"],
    "RFC1123Z": _TIMES["Mon, 02 Jan 2006 15:04:05 -0700"],
    "RFC3339": _TIMES["2006-01-02T15:04:05Z07:00"],
    "Stamp": _TIMES["Jan _2 15:04:05"],
    "StampMilli": _TIMES["Jan _2 15:04:05.000"],
}


class Entry(Struct, omit_defaults=True, gc=False):
    """One object: name, checksum, access time, version, location, custom properties, size, copies
    and flags, under AIStore's letters."""

    n: str
    cs: str = ""
    a: str = ""
    v: str = ""
    t: str = ""
    m: str = ""
    s: int = 0
    c: int = 0
    f: int = 0


class List(Struct):
    """A page in msgpack; the token is empty on the last one."""

    UUID: str
    ContinuationToken: str
    Entries: list[Entry]
    Flags: int


class JsonEntry(Struct, omit_defaults=True, rename={"custom": "custom-md"}):
    """The same entry in JSON, where the size is a text."""

    name: str
    checksum: str = ""
    atime: str = ""
    version: str = ""
    location: str = ""
    custom: str = ""
    size: str = ""
    copies: int = 0
    flags: int = 0


class JsonList(Struct):
    uuid: str
    continuation_token: str
    entries: list[JsonEntry]
    flags: int


@operation(
    "GET",
    "buckets/{bucket}",
    action="list",
    access=Access.LIST_OBJECTS,
    known_as="ListObjectsV2",
)
class ListObjects:
    asked: ListMessage = value(default=ListMessage())
    accept: str = header("Accept", default="")
    inventory: str = header(INV_NAME, default="")

    @property
    def s3_query(self) -> dict[str, str]:
        """Return the query as S3's policies see it."""
        query = {"prefix": self._prefix, "max-keys": str(self.asked.limit)}
        return query | ({"delimiter": self._delimiter} if self._delimiter else {})

    @property
    def reference(self) -> Reference:
        return self.asked.reference

    @property
    def _prefix(self) -> str:
        return prefix_of(self.asked.prefix, "list-objects")

    @property
    def _delimiter(self) -> str:
        return "/" if ListFlag.NO_RECURSION in self.asked.wants() else ""

    async def run(self, call: NativeCall) -> Reply:
        asked, flags = self.asked, self.asked.wants()
        after = asked.continuation_token or asked.start_after
        props = asked.chosen(flags)
        manifest: Manifest | None = None
        if ListFlag.NBI in flags:
            manifest, prefix = await inventory_of(call, self.inventory), self._prefix
            # As in AIStore, it knows nothing of what is here.
            props, flags = props & {"name", *manifest.props}, flags & ~ListFlag.CACHED
        elif call.is_outside and not props <= PROPS_THERE:
            raise _not_there(call, props)
        else:
            prefix = await self._folder(call, self._prefix)
        columns = Columns.chosen(call, asked, props, flags)
        query = ListQuery(prefix, self._delimiter, after, asked.limit)
        form = _AS_MSGPACK if MSGPACK in self.accept else AS_JSON

        def written(page: ListedPage, marks: Marks) -> Reply:
            entries = list(map(form.entry, *columns.of(page, marks, form.size)))
            # NO_DIRS leaves out what is a folder on a disk; these are prefixes, and AIStore lists
            # them.
            if page.common_prefixes:
                entries = _with_folders(entries, page.common_prefixes, form)
            made = form.page(_listing_id(asked.uuid), page.next_after or "", entries, 0)
            return Reply(headers={"Content-Type": form.content_type}, body=form.encode(made))

        if manifest is None:
            return await show_page(call, query, flags, written)
        page = await list_inventory(call, manifest, query)
        return await asyncio.to_thread(written, page, NO_MARKS)

    async def _folder(self, call: NativeCall, prefix: str) -> str:
        """Return the prefix; as in AIStore, where a listing without recursion names a folder
        without its slash, it is of what is in the folder."""
        if not self._delimiter or not prefix or prefix.endswith("/"):
            return prefix
        below = f"{prefix}/"
        query = ListQuery(below, limit=1)
        if call.is_outside:
            found = await call.native.tier.list_there(call.bucket_info, query)
        else:
            found = await call.store.list_objects(call.bucket, query)
        if not found.objects:
            return prefix
        call.query = {**self.s3_query, "prefix": below}
        outside = call.bucket_info if call.is_outside else None
        await authorize(call, Access.LIST_OBJECTS, outside=outside)
        return below


class _Form(Struct, frozen=True):
    """How a page is written: its classes, and the size and the name of an entry."""

    content_type: str
    page: Callable[..., List | JsonList]
    entry: Callable[..., Any]
    size: Callable[[int], int | str]
    name: Callable[[Any], str]
    encode: Callable[[object], bytes]


_AS_MSGPACK = _Form(MSGPACK, List, Entry, int, attrgetter("n"), msgspec.msgpack.Encoder().encode)
AS_JSON = _Form(
    JSON,
    JsonList,
    JsonEntry,
    lambda size: str(size) if size else "",
    attrgetter("name"),
    msgspec.json.Encoder().encode,
)


class Columns(Struct, frozen=True):
    """The properties that entries show: looked up once, and not for each of ten thousand."""

    props: frozenset[str]
    layout: str
    locate: Callable[[str], str] | None
    bucket: BucketInfo
    is_remote: bool
    accessed: Callable[[str, Sequence[str]], Sequence[int]]

    @classmethod
    def chosen(
        cls, call: NativeCall, asked: ListMessage, props: frozenset[str], flags: ListFlag
    ) -> Self:
        accessed = call.objects.access_times.of
        listed_there = RemoteBucket.setting_name in call.bucket_info.settings
        is_remote = listed_there and ListFlag.CACHED not in flags
        # Most listings show names and sizes only, and then the time format does not matter.
        if props <= _BASIC:
            return cls(props and _BASIC, "", None, call.bucket_info, is_remote, accessed)
        if asked.time_format not in _TIMES:
            raise NativeError(400, f"invalid time format {asked.time_format[:64]!r}")
        locate = partial(location_of, call) if "location" in props else None
        layout = _TIMES[asked.time_format] if "atime" in props else ""
        return cls(props, layout, locate, call.bucket_info, is_remote, accessed)

    def of(
        self, page: ListedPage, marks: Marks, size: Callable[[int], int | str]
    ) -> list[Iterable[object]]:
        """The fields of all entries, each in a column, in the order that both classes have."""
        rows, props, bucket = page.listed, self.props, self.bucket
        properties, none = properties_of(bucket), repeat("")
        of_bucket, numbered = properties.checksum, properties.numbered and "version" in props
        return [
            names_of(page.names),
            [checksum_text(row, of_bucket) for row in rows] if "checksum" in props else none,
            self._times(page) if self.layout else none,
            self._versions(rows) if numbered else none,
            map(self.locate, page.names) if self.locate else none,
            [_custom(row.attributes.custom) for row in rows] if "custom" in props else none,
            [size(row.size) for row in rows] if "size" in props else repeat(size(0)),
            repeat(1 if "copies" in props else 0),
            self._flags(page, marks),
        ]

    def _versions(self, rows: Sequence[Listed]) -> list[str]:
        """Return the versions; of a remote bucket, those that the backend gave what is here."""
        if not self.is_remote:
            return [version_text(row) for row in rows]
        return [row.version if _remote_flags(row) else "" for row in rows]

    def _times(self, page: ListedPage) -> list[str]:
        accessed = self.accessed(self.bucket.lasting_name, page.names)
        latest = map(max, accessed, [row.modified_ns for row in page.listed])
        return [_time(at_ns // _NS, self.layout) for at_ns in latest]

    def _flags(self, page: ListedPage, marks: Marks) -> list[int]:
        if self.is_remote:
            flags = [_remote_flags(row) for row in page.listed]
        elif self.props <= _BASIC:
            flags = [_CACHED] * len(page.names)
        else:
            flags = [_CACHED | _CHUNKED if row.chunks else _CACHED for row in page.listed]
        return flags if marks is NO_MARKS else list(map(or_, flags, marks.flags(page.names)))


def _not_there(call: NativeCall, props: frozenset[str]) -> NativeError:
    """Return the error for properties that only a bucket which is known here has."""
    names = ",".join(sorted(props - PROPS_THERE))
    message = f"cannot list remote not-in-cluster bucket {call.bck.cname()}"
    return NativeError(400, f"{message} for not-only-remote object properties: {names!r}")


def _remote_flags(row: Listed) -> int:
    """Return the flags of an object of a remote bucket; one that is here has its origin."""
    if getattr(row.attributes, "origin", None) is None:
        return 0
    return _CACHED | _CHUNKED if row.chunks else _CACHED


@lru_cache(maxsize=4096)
def _time(seconds: int, layout: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(layout)


def _custom(custom: Mapping[str, str]) -> str:
    pairs = " ".join(f"{name}:{text}" for name, text in custom.items())
    return f"[{pairs}]" if pairs else ""


def _with_folders(entries: list[Any], prefixes: Sequence[str], form: _Form) -> list[Any]:
    nothing = form.size(0)
    folders = [
        form.entry(prefix, "", "", "", "", "", nothing, 0, _IS_DIR) for prefix in names_of(prefixes)
    ]
    return sorted([*entries, *folders], key=form.name)


def _listing_id(asked: str) -> str:
    """Return the client's own id if it sent one, so that all pages have the same."""
    return asked if _ID.fullmatch(asked) else "lst-" + os.urandom(6).hex()
