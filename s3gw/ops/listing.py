"""ListObjects, ListObjectsV2 and ListObjectVersions.

Keys come in the order of their UTF-8 bytes; common prefixes count against the page. A token or
marker is the last key or prefix that was returned, so a page needs no state on the server.
"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.ops.bucket import BUCKET_REGION, region_of
from s3gw.ops.list_entries import common_prefixes, contents, versions
from s3gw.s3.archives.folders import show_page
from s3gw.s3.call import Call
from s3gw.s3.headers import is_version_id
from s3gw.s3.key_encoding import Encode, key_encoding
from s3gw.s3.page_tokens import new_token, read_token
from s3gw.s3.routing import operation, path, query
from s3gw.s3.shared_elements import owners_in
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import Written, document
from storage.values import ListedPage, ListedVersionPage, ListQuery, VersionQuery

MAX_KEYS = 1000


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
    contents: Written
    common_prefixes: Written


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
    contents: Written
    common_prefixes: Written


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
    entries: Written
    common_prefixes: Written


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
        owners = None if call.caller.is_anonymous else owners_in(call)

        def written(page: ListedPage) -> Reply:
            result = ListObjectsResult(
                name=self.bucket,
                prefix=encode(self.prefix),
                marker=encode(self.marker),
                max_keys=limit,
                delimiter=encode(self.delimiter) or None,
                is_truncated=page.next_after is not None,
                encoding_type=self.encoding_type or None,
                # Without a delimiter the last key is the marker, and S3 does not repeat it.
                next_marker=_maybe(encode, page.next_after) if self.delimiter else None,
                contents=contents(page, encode, owners),
                common_prefixes=common_prefixes(page.common_prefixes, encode),
            )
            return xml_reply(result, headers={BUCKET_REGION: region_of(call, call.bucket_info)})

        return await show_page(call, wanted, written)


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
        owners = owners_in(call) if self.fetch_owner.lower() == "true" else None

        def written(page: ListedPage) -> Reply:
            result = ListObjectsV2Result(
                name=self.bucket,
                prefix=encode(self.prefix),
                # A token goes on from elsewhere, and AWS then forgets where the listing began.
                start_after=None if token else _maybe(encode, self.start_after or None),
                continuation_token=token,
                next_continuation_token=_maybe(new_token, page.next_after),
                key_count=len(page.names) + len(page.common_prefixes),
                max_keys=limit,
                delimiter=encode(self.delimiter) or None,
                is_truncated=page.next_after is not None,
                encoding_type=self.encoding_type or None,
                contents=contents(page, encode, owners),
                common_prefixes=common_prefixes(page.common_prefixes, encode),
            )
            return xml_reply(result, headers={BUCKET_REGION: region_of(call, call.bucket_info)})

        return await show_page(call, wanted, written)


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
        owners = owners_in(call)

        def written(page: ListedVersionPage) -> Reply:
            result = ListVersionsResult(
                name=self.bucket,
                prefix=encode(self.prefix),
                key_marker=encode(self.key_marker),
                version_id_marker=self.version_id_marker,
                next_key_marker=_maybe(encode, page.next_after),
                next_version_id_marker=page.next_version or None,
                max_keys=limit,
                delimiter=encode(self.delimiter) or None,
                is_truncated=page.next_after is not None,
                encoding_type=self.encoding_type or None,
                entries=versions(page, encode, owners),
                common_prefixes=common_prefixes(page.common_prefixes, encode),
            )
            return xml_reply(result)

        return await call.store.show_versions(self.bucket, wanted, written)


def _maybe(encode: Encode, text: str | None) -> str | None:
    return None if text is None else encode(text)
