"""Listings: objects, versions and unfinished uploads, page by page.

S3 answers at most a thousand rows at once, and may repeat the common prefix that a marker is in or
is; some servers heed no marker of uploads or versions. So what is not behind the marker is left out
here.

A listing says less than a HEAD: name, size, ETag, time, storage class. `version` is said where
versions are listed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

from storage.backends.aws.facts import listed_info, ns_of
from storage.backends.aws.listing_rows import KIND, ROWS
from storage.backends.aws.place import Place
from storage.backends.aws.remote import Remote
from storage.errors import BackendError
from storage.values import (
    NO_ATTRIBUTES,
    Attributes,
    ChecksumType,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    ObjectInfo,
    Page,
    UploadInfo,
    UploadPage,
    UploadQuery,
    VersionEntry,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")
Item = TypeVar("Item", ObjectInfo, VersionEntry, UploadInfo)


class _Batch(Struct, Generic[Item]):
    """Rows of one answer in order: items, and common prefixes as text. `onward` are the parameters
    that go on behind them, None at the end."""

    rows: list[tuple[str, Item | None]]
    onward: dict[str, str] | None


class Lister:
    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._rows = remote.options.page_rows

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        async def fetch(limit: int, onward: dict[str, str]) -> _Batch[ObjectInfo]:
            params = {"Prefix": query.prefix, "Delimiter": query.delimiter, **onward}
            async with self._remote.client(Place(bucket)) as s3:
                answer: Any = await s3.list_objects_v2(
                    Bucket=bucket, MaxKeys=limit, **_said(params)
                )
            found = [listed_info(row) for row in _rows(bucket, answer)]
            rows = _merged([(info.name, info) for info in found], answer)
            token = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
            return _Batch(rows, {"ContinuationToken": token} if token else None)

        rows, more = await _first(fetch, self._rows, query, {"StartAfter": query.after})
        return Page(_items(rows), _prefixes(rows), rows[-1][0] if more else None)

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        return show(ListedPage.of(await self.list_objects(bucket, query)))

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        async def fetch(limit: int, onward: dict[str, str]) -> _Batch[VersionEntry]:
            params = {"Prefix": query.prefix, "Delimiter": query.delimiter, **onward}
            async with self._remote.client(Place(bucket)) as s3:
                answer: Any = await s3.list_object_versions(
                    Bucket=bucket, MaxKeys=limit, **_said(params)
                )
            found = [_version(row) for row in _rows(bucket, answer)]
            rows = _merged([(entry.info.name, entry) for entry in found], answer)
            return _Batch(rows, _next(answer, "KeyMarker", "VersionIdMarker"))

        begin = {"KeyMarker": query.after}
        if query.after:
            begin["VersionIdMarker"] = query.after_version
        rows, more = await _first(fetch, self._rows, query, begin)
        if not more:
            return VersionPage(_items(rows), _prefixes(rows))
        name, last = rows[-1]
        version = "" if last is None else last.info.version
        return VersionPage(_items(rows), _prefixes(rows), name, version)

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        return show(ListedVersionPage.of(await self.list_versions(bucket, query)))

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        """S3 has no appends, and orders the uploads of a name by time."""
        limited = query if not query.appends else UploadQuery(limit=0)

        async def fetch(limit: int, onward: dict[str, str]) -> _Batch[UploadInfo]:
            params = {"Prefix": query.prefix, "Delimiter": query.delimiter, **onward}
            async with self._remote.client(Place(bucket)) as s3:
                answer: Any = await s3.list_multipart_uploads(
                    Bucket=bucket, MaxUploads=limit, EncodingType="url", **_said(params)
                )
            found = [_upload(row) for row in _rows(bucket, answer)]
            rows = _merged([(info.name, info) for info in found], answer)
            return _Batch(rows, _next(answer, "KeyMarker", "UploadIdMarker"))

        begin = {"KeyMarker": query.after}
        if query.after:
            begin["UploadIdMarker"] = query.after_id
        rows, more = await _first(fetch, self._rows, limited, begin)
        if not more:
            return UploadPage(_items(rows), _prefixes(rows))
        name, last = rows[-1]
        return UploadPage(_items(rows), _prefixes(rows), name, "" if last is None else last.id)


async def _first(
    fetch: Callable[[int, dict[str, str]], Awaitable[_Batch[Item]]],
    most_rows: int,
    query: ListQuery | VersionQuery | UploadQuery,
    begin: dict[str, str],
) -> tuple[list[tuple[str, Item | None]], bool]:
    """Return as many rows as the query wants, at most `most_rows` of each answer, and whether there
    are more."""
    rows: list[tuple[str, Item | None]] = []
    onward: dict[str, str] | None = begin
    while onward is not None and len(rows) <= query.limit:
        # One more than wanted, for the row that is left out or says that there is more.
        batch = await fetch(min(query.limit + 1 - len(rows), most_rows), onward)
        rows += _behind(batch.rows, query)
        # A server that does not get on would never end.
        onward = batch.onward if batch.onward != onward else None
    return rows[: query.limit], len(rows) > query.limit > 0


def _behind(
    rows: list[tuple[str, Item | None]], query: ListQuery | VersionQuery | UploadQuery
) -> list[tuple[str, Item | None]]:
    """The rows after the marker; it is a name, or one of several items of that name."""
    marked = ""
    if isinstance(query, VersionQuery):
        marked = query.after_version
    elif isinstance(query, UploadQuery):
        marked = query.after_id
    same = [row for row in rows if row[0] == query.after and row[1] is not None and marked]
    places = [at for at, (_, item) in enumerate(same) if _id_of(item) == marked]
    later = same[places[0] + 1 :] if places else same
    return later + [row for row in rows if row[0] > query.after]


def _id_of(item: Item | None) -> str:
    match item:
        case VersionEntry(info=info):
            return info.version
        case UploadInfo(id=id):
            return id
    return ""


def _merged(
    items: Sequence[tuple[str, Item]], answer: dict[str, Any]
) -> list[tuple[str, Item | None]]:
    """Sort the common prefixes in; several items of one name stay in their order."""
    rows: list[tuple[str, Item | None]] = []
    rows.extend(items)
    rows += [(row["Prefix"], None) for row in answer.get("CommonPrefixes", ())]
    return sorted(rows, key=lambda row: row[0])


def _items(rows: Sequence[tuple[str, Item | None]]) -> tuple[Item, ...]:
    return tuple(item for _, item in rows if item is not None)


def _prefixes(rows: Sequence[tuple[str, Item | None]]) -> tuple[str, ...]:
    return tuple(name for name, item in rows if item is None)


def _said(params: dict[str, str]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value}


def _next(answer: dict[str, Any], name: str, second: str) -> dict[str, str] | None:
    if not answer.get("IsTruncated"):
        return None
    return {each: answer.get(f"Next{each}", "") for each in (name, second)}


def _rows(bucket: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    if ROWS not in answer:
        raise BackendError(str(Place(bucket)), "InvalidResponse", "it is not a listing")
    rows: list[dict[str, Any]] = answer[ROWS]
    return rows


def _version(row: dict[str, Any]) -> VersionEntry:
    return VersionEntry(
        listed_info(row, delete_marker=row[KIND] == "DeleteMarker"), row["IsLatest"]
    )


def _upload(row: dict[str, Any]) -> UploadInfo:
    """S3 shows the attributes of an upload in its object only."""
    storage_class = row.get("StorageClass", "STANDARD")
    return UploadInfo(
        id=row["UploadId"],
        name=row["Key"],
        initiated_ns=ns_of(row.get("Initiated")),
        owner="",
        attributes=NO_ATTRIBUTES
        if storage_class == "STANDARD"
        else Attributes(storage_class=storage_class),
        checksum_algorithm=row.get("ChecksumAlgorithm", ""),
        checksum_type=ChecksumType(row.get("ChecksumType") or "FULL_OBJECT"),
    )
