"""Multipart uploads, passed through to the XML API.

Cloud Storage numbers, keeps and joins the parts, and forgets both the upload and its parts when it
is completed: to repeat a completion is `UploadNotFound`, and an object has no parts to list. It
takes no conditions: that of a completion is checked just before, and holds as far as no one else
writes the object at that moment. The object has no MD5.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import IO, Any

from storage.backends.gcp import sums
from storage.backends.gcp.facts import (
    answered_ns,
    check_attributes,
    check_name,
    headers_of,
    unquoted,
    xml_path,
)
from storage.backends.gcp.guarding import current_object
from storage.backends.gcp.paging import MOST_ROWS, Row, first_rows, items_of, prefixes_of
from storage.backends.gcp.place import PROVIDER, Place
from storage.backends.gcp.reading import ObjectReader
from storage.backends.gcp.remote import Remote
from storage.backends.gcp.uploads_xml import (
    completion_of,
    read_completed,
    read_parts,
    read_upload_id,
    read_uploads,
)
from storage.backends.sending import spool
from storage.conditions import check_write
from storage.errors import NotSupported, PartNotFound, UploadNotFound, VersionNotFound
from storage.listing import common_prefix
from storage.values import (
    ALWAYS,
    Body,
    CompleteOptions,
    ObjectInfo,
    PartInfo,
    PartOptions,
    PartPage,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
)

_SENT_AT_ONCE = 256 << 10
# Of a part that is being received; more is kept in a temporary file.
_IN_MEMORY = 8 << 20
# Between the two markers of a page; no name has it.
_AND = "\n"


class Uploads:
    def __init__(self, remote: Remote, reader: ObjectReader) -> None:
        self._remote = remote
        self._reader = reader

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        if options.append:
            raise NotSupported("appending", PROVIDER)
        check_name(name)
        check_attributes(options.attributes)
        place = Place(bucket, name)
        headers = headers_of(options.attributes)
        answer = await self._call(place, "POST", {"uploads": ""}, headers=headers)
        return UploadInfo(
            id=read_upload_id(answer.content, place),
            name=name,
            initiated_ns=answered_ns(answer.headers),
            owner=options.owner,
            attributes=options.attributes,
            checksum_algorithm=options.checksum_algorithm,
            checksum_type=options.checksum_type,
            kept_checksum=options.kept_checksum,
        )

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        """When an upload began is said in the listing of all uploads only."""
        query = UploadQuery(prefix=name, limit=MOST_ROWS)
        while True:
            page = await self.list_uploads(bucket, query)
            for info in page.uploads:
                if info.name == name and info.id == upload_id:
                    return info
            if page.next_after != name:
                raise UploadNotFound(upload_id)
            query = UploadQuery(name, "", page.next_after, page.next_id, MOST_ROWS)

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        if options.data_key is not None:
            raise NotSupported("encryption", PROVIDER)
        place = Place(bucket, name, upload_id=upload_id, part=number)
        spooled = await spool(body, options.digest, _IN_MEMORY, sums.add)
        with spooled.file as file:
            options.digest.seal()
            answer = await self._call(
                place,
                "PUT",
                {"partNumber": str(number), "uploadId": upload_id},
                headers={
                    "content-length": str(spooled.size),
                    "x-goog-hash": f"crc32c={sums.shown(spooled.crc)}",
                },
                body=lambda: _blocks(file),
            )
        etag = unquoted(answer.headers.get("etag", ""))
        return PartInfo(number, spooled.size, etag, answered_ns(answer.headers))

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        place = Place(bucket, name, upload_id=upload_id)
        parts: list[PartInfo] = []
        while True:
            wanted = min(max(limit - len(parts), 1), MOST_ROWS)
            params = {
                "uploadId": upload_id,
                "part-number-marker": str(after),
                "max-parts": str(wanted),
            }
            answer = await self._call(place, "GET", params)
            found, more = read_parts(answer.content, place)
            if not limit or not found:
                return PartPage(tuple(parts))
            parts += found
            after = parts[-1].number
            if not more or len(parts) >= limit:
                return PartPage(tuple(parts[:limit]), after if more else None)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        """The ETag is that of Cloud Storage, whatever `assemble` says."""
        place = Place(bucket, name, upload_id=upload_id)
        page = await self.list_parts(bucket, name, upload_id, limit=10_000)
        chosen = _choose(page.parts, options.numbers)
        options.assemble(await self.head_upload(bucket, name, upload_id), chosen)
        if options.condition != ALWAYS:
            current = await current_object(self._reader, Place(bucket, name))
            check_write(options.condition, name, None if current is None else current.info)
        answer = await self._call(
            place,
            "POST",
            {"uploadId": upload_id},
            headers={"content-type": "application/xml"},
            body=completion_of(chosen),
            repeats=False,
            slow=True,
        )
        read_completed(answer.content, place)
        generation = answer.headers.get("x-goog-generation") or None
        try:
            return (await self._reader.look(Place(bucket, name, generation))).info
        except VersionNotFound:
            # It was replaced at once.
            return (await self._reader.look(Place(bucket, name))).info

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        place = Place(bucket, name, upload_id=upload_id)
        await self._call(place, "DELETE", {"uploadId": upload_id}, repeats=False)

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        """There are no appends, so that a listing of them is empty."""
        place = Place(bucket)

        async def fetch(limit: int, onward: str) -> tuple[list[Row[UploadInfo]], str]:
            name, _, mark = onward.rpartition(_AND) if onward else (query.after, "", query.after_id)
            chosen = {"prefix": query.prefix, "delimiter": query.delimiter, "key-marker": name}
            if name and mark:
                chosen["upload-id-marker"] = mark
            params = {key: text for key, text in chosen.items() if text}
            answer = await self._call(
                place,
                "GET",
                {"uploads": "", "max-uploads": str(limit), "encoding-type": "url", **params},
            )
            page = read_uploads(answer.content, place)
            rows: list[Row[UploadInfo]] = [(info.name, info) for info in page.uploads]
            rows += [(each, None) for each in page.prefixes]
            rows.sort(key=lambda row: (row[0], "" if row[1] is None else row[1].id))
            return rows, _AND.join(page.onward) if page.onward else ""

        limit = 0 if query.appends else query.limit
        rows, more = await first_rows(fetch, limit, lambda row: _is_past(row, query))
        if not more:
            return UploadPage(items_of(rows), prefixes_of(rows))
        name, last = rows[-1]
        return UploadPage(items_of(rows), prefixes_of(rows), name, "" if last is None else last.id)

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        """None: an object is whole, whatever it was uploaded in."""
        await self._reader.look(Place(bucket, name, version))
        return PartPage(())

    async def _call(self, place: Place, method: str, params: dict[str, str], **request: Any) -> Any:
        path = xml_path(place.bucket, place.name)
        return await self._remote.call(place, method, path, params=params, **request)


def _is_past(row: Row[UploadInfo], query: UploadQuery) -> bool:
    name, upload = row
    behind = common_prefix(query.after, query.prefix, query.delimiter)
    if behind is not None and name.startswith(behind):
        return False
    if name == query.after and upload is not None and query.after_id:
        return upload.id > query.after_id
    return name > query.after


def _choose(parts: Sequence[PartInfo], numbers: Sequence[int]) -> list[PartInfo]:
    by_number = {part.number: part for part in parts}
    for number in numbers:
        if number not in by_number:
            raise PartNotFound(number, len(parts))
    return [by_number[number] for number in numbers]


async def _blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """The file from its beginning."""
    file.seek(0)
    while block := await asyncio.to_thread(file.read, _SENT_AT_ONCE):
        yield block
