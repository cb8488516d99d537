"""ListObjects, ListObjectsV2 and ListObjectVersions.

Keys come in the order of their UTF-8 bytes; common prefixes count against the page. A token or
marker is the last key or prefix that was returned, so a page needs no state on the server.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.archives.folders import list_page
from s3gw.s3.call import Call
from s3gw.s3.headers import is_version_id
from s3gw.s3.key_encoding import Encode, key_encoding
from s3gw.s3.page_tokens import new_token, read_token
from s3gw.s3.routing import operation, path, query
from s3gw.s3.shared_elements import Owner, Prefix, owners_in
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import ETag, TimeNs, alternatives, document
from storage.pacing import off_loop
from storage.values import (
    Attributes,
    ChecksumType,
    ListQuery,
    ObjectInfo,
    Page,
    VersionEntry,
    VersionPage,
    VersionQuery,
)

MAX_KEYS = 1000
# A page costs less for each byte than other input: its names are so many times longer before a
# thread is worth it.
_FOLD = 4
Owners = Callable[[Attributes], Owner]


class Contents(Struct, frozen=True):
    key: str
    last_modified: TimeNs
    etag: ETag
    checksum_algorithm: str | None
    checksum_type: ChecksumType | None
    size: int
    owner: Owner | None
    storage_class: str


class DeleteMarker(Struct, frozen=True):
    key: str
    version_id: str
    is_latest: bool
    last_modified: TimeNs
    owner: Owner


class Version(Struct, frozen=True):
    key: str
    version_id: str
    is_latest: bool
    last_modified: TimeNs
    etag: ETag
    checksum_algorithm: str | None
    checksum_type: ChecksumType | None
    size: int
    owner: Owner
    storage_class: str


@document("ListBucketResult")
@dataclass(frozen=True, slots=True)
class ListObjectsResult:
    name: str
    prefix: str
    marker: str
    max_keys: int
    delimiter: str | None
    is_truncated: bool
    encoding_type: str | None
    next_marker: str | None
    contents: tuple[Contents, ...]
    common_prefixes: tuple[Prefix, ...]


@document("ListBucketResult")
@dataclass(frozen=True, slots=True)
class ListObjectsV2Result:
    name: str
    prefix: str
    start_after: str | None
    continuation_token: str | None
    next_continuation_token: str | None
    key_count: int
    max_keys: int
    delimiter: str | None
    is_truncated: bool
    encoding_type: str | None
    contents: tuple[Contents, ...]
    common_prefixes: tuple[Prefix, ...]


@document("ListVersionsResult")
@dataclass(frozen=True, slots=True)
class ListVersionsResult:
    name: str
    prefix: str
    key_marker: str
    version_id_marker: str
    next_key_marker: str | None
    next_version_id_marker: str | None
    max_keys: int
    delimiter: str | None
    is_truncated: bool
    encoding_type: str | None
    entries: tuple[Version | DeleteMarker, ...] = alternatives()
    common_prefixes: tuple[Prefix, ...] = ()


@operation("GET", Level.BUCKET, access=Access.LIST_OBJECTS)
class ListObjects:
    bucket: str = path("Bucket")
    prefix: str = query("prefix", default="")
    delimiter: str = query("delimiter", default="")
    marker: str = query("marker", default="")
    max_keys: int = query("max-keys", default=MAX_KEYS)
    encoding_type: str | None = query("encoding-type", default=None)

    async def run(self, call: Call) -> Reply:
        encode = key_encoding(self.encoding_type)
        limit = min(self.max_keys, MAX_KEYS)
        wanted = ListQuery(self.prefix, self.delimiter, self.marker, limit)
        page = await list_page(call, wanted)
        owner = None if call.caller.is_anonymous else owners_in(call)

        def written() -> ListObjectsResult:
            return ListObjectsResult(
                name=self.bucket,
                prefix=encode(self.prefix),
                marker=encode(self.marker),
                max_keys=limit,
                delimiter=encode(self.delimiter) or None,
                is_truncated=page.next_after is not None,
                encoding_type=self.encoding_type or None,
                # Without a delimiter the last key is the marker, and S3 does not repeat it.
                next_marker=_maybe(encode, page.next_after) if self.delimiter else None,
                contents=_contents(page, encode, owner),
                common_prefixes=_prefixes(page, encode),
            )

        return await _answer(page, written)


@operation("GET", Level.BUCKET, marker="list-type=2", access=Access.LIST_OBJECTS)
class ListObjectsV2:
    bucket: str = path("Bucket")
    prefix: str = query("prefix", default="")
    delimiter: str = query("delimiter", default="")
    start_after: str = query("start-after", default="")
    continuation_token: str | None = query("continuation-token", default=None)
    fetch_owner: str = query("fetch-owner", default="false")
    max_keys: int = query("max-keys", default=MAX_KEYS)
    encoding_type: str | None = query("encoding-type", default=None)

    async def run(self, call: Call) -> Reply:
        encode = key_encoding(self.encoding_type)
        limit = min(self.max_keys, MAX_KEYS)
        token = self.continuation_token
        after = read_token(token) if token is not None else self.start_after
        wanted = ListQuery(self.prefix, self.delimiter, after, limit)
        page = await list_page(call, wanted)
        owner = owners_in(call) if self.fetch_owner.lower() == "true" else None

        def written() -> ListObjectsV2Result:
            return ListObjectsV2Result(
                name=self.bucket,
                prefix=encode(self.prefix),
                # A token goes on from elsewhere, and AWS then forgets where the listing began.
                start_after=None if token else _maybe(encode, self.start_after or None),
                continuation_token=token,
                next_continuation_token=_maybe(new_token, page.next_after),
                key_count=len(page.objects) + len(page.common_prefixes),
                max_keys=limit,
                delimiter=encode(self.delimiter) or None,
                is_truncated=page.next_after is not None,
                encoding_type=self.encoding_type or None,
                contents=_contents(page, encode, owner),
                common_prefixes=_prefixes(page, encode),
            )

        return await _answer(page, written)


@operation("GET", Level.BUCKET, marker="versions", access=Access.LIST_OBJECTS)
class ListObjectVersions:
    bucket: str = path("Bucket")
    prefix: str = query("prefix", default="")
    delimiter: str = query("delimiter", default="")
    key_marker: str = query("key-marker", default="")
    version_id_marker: str = query("version-id-marker", default="")
    max_keys: int = query("max-keys", default=MAX_KEYS)
    encoding_type: str | None = query("encoding-type", default=None)

    async def run(self, call: Call) -> Reply:
        if self.version_id_marker and not self.key_marker:
            message = "A version-id marker cannot be specified without a key marker."
            raise S3Error(
                Code.InvalidArgument,
                message,
                ArgumentName="version-id-marker",
                ArgumentValue=self.version_id_marker,
            )
        if self.version_id_marker and not is_version_id(self.version_id_marker):
            raise S3Error(
                Code.InvalidArgument,
                "Invalid version id specified",
                ArgumentName="version-id-marker",
                ArgumentValue=self.version_id_marker,
            )
        encode = key_encoding(self.encoding_type)
        limit = min(self.max_keys, MAX_KEYS)
        wanted = VersionQuery(
            self.prefix, self.delimiter, self.key_marker, self.version_id_marker, limit
        )
        page = await call.store.list_versions(self.bucket, wanted)
        owner = owners_in(call)
        more = page.next_after is not None

        def written() -> ListVersionsResult:
            return ListVersionsResult(
                name=self.bucket,
                prefix=encode(self.prefix),
                key_marker=encode(self.key_marker),
                version_id_marker=self.version_id_marker,
                next_key_marker=_maybe(encode, page.next_after),
                next_version_id_marker=page.next_version or None,
                max_keys=limit,
                delimiter=encode(self.delimiter) or None,
                is_truncated=more,
                encoding_type=self.encoding_type or None,
                entries=tuple([_entry(each, encode, owner) for each in page.versions]),
                common_prefixes=_prefixes(page, encode),
            )

        return await _answer(page, written)


async def _answer(page: Page | VersionPage, written: Callable[[], Any]) -> Reply:
    """Return the page as XML; pages of long keys are written in a thread."""
    names = page.objects if isinstance(page, Page) else [each.info for each in page.versions]
    size = sum([len(info.name) for info in names]) + sum(map(len, page.common_prefixes))
    return await off_loop(size // _FOLD, lambda: xml_reply(written()))


def _contents(page: Page, encode: Encode, owner: Owners | None) -> tuple[Contents, ...]:
    return tuple([_content(info, encode(info.name), owner) for info in page.objects])


def _content(info: ObjectInfo, key: str, owner: Owners | None) -> Contents:
    checksum = info.checksum
    return Contents(
        key,
        TimeNs(info.modified_ns),
        ETag(info.etag),
        checksum.algorithm if checksum else None,
        checksum.type if checksum else None,
        info.size,
        owner(info.attributes) if owner else None,
        info.attributes.storage_class,
    )


def _entry(entry: VersionEntry, encode: Encode, owner: Owners) -> Version | DeleteMarker:
    info, key = entry.info, encode(entry.info.name)
    if info.delete_marker:
        modified = TimeNs(info.modified_ns)
        whose = owner(info.attributes)
        return DeleteMarker(key, info.version, entry.latest, modified, whose)
    checksum = info.checksum
    return Version(
        key=key,
        version_id=info.version,
        is_latest=entry.latest,
        last_modified=TimeNs(info.modified_ns),
        etag=ETag(info.etag),
        checksum_algorithm=checksum.algorithm if checksum else None,
        checksum_type=checksum.type if checksum else None,
        size=info.size,
        owner=owner(info.attributes),
        storage_class=info.attributes.storage_class,
    )


def _prefixes(page: Page | VersionPage, encode: Encode) -> tuple[Prefix, ...]:
    return tuple(Prefix(encode(prefix)) for prefix in page.common_prefixes)


def _maybe(encode: Encode, text: str | None) -> str | None:
    return None if text is None else encode(text)
