"""Listing of a bucket: pages of entries, in msgpack or JSON.

A page is a scan of the index, as S3's is; the token for the next page is the last name of this one,
so the server keeps no state, and the listing's id means nothing to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from msgspec import Struct

from s3gw.access import Access
from s3gw.config.bucket_properties import properties_of
from s3gw.http.reply import Reply
from s3gw.native.buckets.archive_listing import list_page, mark_archives
from s3gw.native.buckets.list_properties import ListFlag, ListMessage
from s3gw.native.call import NativeCall
from s3gw.native.cluster.node import target_id
from s3gw.native.errors import JSON, NativeError
from s3gw.native.objects.checksums import checksum_text
from s3gw.native.objects.custom import custom_pairs
from s3gw.native.objects.object_headers import version_text
from s3gw.native.operation import header, operation, value
from storage.values import BucketInfo, ListQuery, ObjectInfo, Page

MSGPACK = "application/msgpack"

_CACHED = 1 << 6
_IS_DIR = 1 << 8
_CHUNKED = 1 << 13
_NS = 1_000_000_000
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

    @property
    def s3_query(self) -> dict[str, str]:
        """Return the query as S3's policies see it."""
        query = {"prefix": self.asked.prefix, "max-keys": str(self.asked.limit)}
        return query | ({"delimiter": self._delimiter} if self._delimiter else {})

    @property
    def _delimiter(self) -> str:
        return "/" if ListFlag.NO_RECURSION in self.asked.wants() else ""

    async def run(self, call: NativeCall) -> Reply:
        asked, flags = self.asked, self.asked.wants()
        after = asked.continuation_token or asked.start_after
        entry = _entry_maker(call, asked, asked.chosen(flags))
        query = ListQuery(asked.prefix, self._delimiter, after, asked.limit)
        listed = await list_page(call, query, flags)
        page = listed.page
        entries = [entry(info) for info in page.objects]
        mark_archives(entries, listed)
        # NO_DIRS leaves out what is a folder on a disk; these are prefixes, and AIStore lists them.
        if page.common_prefixes:
            entries = _with_folders(entries, page)
        return self._reply(List(_listing_id(asked.uuid), page.next_after or "", entries, 0))

    def _reply(self, made: List) -> Reply:
        if MSGPACK in self.accept:
            return Reply(headers={"Content-Type": MSGPACK}, body=_PACK(made))
        entries = [_as_json(entry) for entry in made.Entries]
        listed = JsonList(made.UUID, made.ContinuationToken, entries, made.Flags)
        return Reply(headers={"Content-Type": JSON}, body=msgspec.json.encode(listed))


_PACK = msgspec.msgpack.Encoder().encode
Make = Callable[[ObjectInfo], Entry]


def _entry_maker(call: NativeCall, asked: ListMessage, props: frozenset[str]) -> Make:
    """Choose how to make an entry. Most listings want names and sizes only: those must be quick."""
    if not props:
        return lambda info: Entry(n=info.name, f=_CACHED)
    if props <= {"name", "size", "cached", "status"}:
        return lambda info: Entry(n=info.name, s=info.size, f=_CACHED)
    if asked.time_format not in _TIMES:
        raise NativeError(400, f"invalid time format {asked.time_format[:64]!r}")
    location = f"t[{target_id(call.site.cluster_id)}]" if "location" in props else ""
    layout = _TIMES[asked.time_format] if "atime" in props else ""
    return _full_entry_maker(props, layout, location, call.bucket_info)


def _full_entry_maker(
    props: frozenset[str], layout: str, location: str, bucket: BucketInfo
) -> Make:
    """Look up the wanted properties once, and not for each of ten thousand entries."""
    checksum, version, custom, size = (
        name in props for name in ("checksum", "version", "custom", "size")
    )
    copies = 1 if "copies" in props else 0
    of_bucket = properties_of(bucket).checksum

    def make(info: ObjectInfo) -> Entry:
        return Entry(
            info.name,
            checksum_text(info, of_bucket) if checksum else "",
            _time(info.modified_ns // _NS, layout) if layout else "",
            version_text(bucket, info) if version else "",
            location,
            _custom(info) if custom else "",
            info.size if size else 0,
            copies,
            _CACHED | _CHUNKED if info.chunks else _CACHED,
        )

    return make


@lru_cache(maxsize=4096)
def _time(seconds: int, layout: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(layout)


def _custom(info: ObjectInfo) -> str:
    if not info.attributes.custom:
        return ""
    pairs = " ".join(f"{name}:{text}" for name, text in custom_pairs(info))
    return f"[{pairs}]" if pairs else ""


def _with_folders(entries: list[Entry], page: Page) -> list[Entry]:
    folders = [Entry(n=prefix, f=_CACHED | _IS_DIR) for prefix in page.common_prefixes]
    return sorted([*entries, *folders], key=lambda entry: entry.n)


def _as_json(e: Entry) -> JsonEntry:
    size = str(e.s) if e.s else ""
    return JsonEntry(e.n, e.cs, e.a, e.v, e.t, e.m, size, e.c, e.f)


def _listing_id(asked: str) -> str:
    """Return the client's own id if it sent one, so that all pages have the same."""
    return asked if _ID.fullmatch(asked) else "lst-" + os.urandom(6).hex()
