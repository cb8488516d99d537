"""Multipart uploads, passed through: a part of a client is a part in S3.

S3 numbers, keeps and joins the parts, and forgets an upload when it is completed: to repeat a
completion is `UploadNotFound`. The parts of an object can be listed, with sizes and checksums, if
the checksum of the object is made of theirs; their ETags are gone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from msgspec.structs import replace

from storage.backends.aws.facts import (
    ALGORITHMS,
    answered_ns,
    attribute_params,
    checksum_of,
    checksum_params,
    info_of,
    ns_of,
    parts_of,
    unquoted,
)
from storage.backends.aws.guarding import guarded, use_of, write_guard
from storage.backends.aws.listing import Lister
from storage.backends.aws.place import PROVIDER, Place
from storage.backends.aws.reading import ObjectReader
from storage.backends.aws.remote import Remote
from storage.backends.aws.writing import check_attributes, written
from storage.backends.sending import as_crc32, spool
from storage.errors import NotSupported, PartNotFound, UploadNotFound
from storage.values import (
    Body,
    Checksum,
    ChecksumType,
    CompleteOptions,
    ObjectInfo,
    PartInfo,
    PartOptions,
    PartPage,
    Sealed,
    UploadInfo,
    UploadOptions,
    UploadQuery,
)

_MOST_ROWS = 1000
# Uploads whose algorithm is remembered.
_REMEMBERED = 10_000


class Uploads:
    def __init__(self, remote: Remote, reader: ObjectReader, lister: Lister) -> None:
        self._remote = remote
        self._reader = reader
        self._lister = lister
        # By upload id; S3 refuses a part whose checksum is of another one.
        self._algorithms: OrderedDict[str, str] = OrderedDict()

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        if options.append:
            raise NotSupported("appending", PROVIDER)
        check_attributes(options.attributes)
        params = attribute_params(options.attributes)
        algorithm, kind = options.checksum_algorithm, options.checksum_type
        if not algorithm and self._remote.options.checksums:
            # For the way to S3 only: the client that completes the upload need not repeat them.
            algorithm, kind = "CRC32", ChecksumType.FULL_OBJECT
        if algorithm:
            params |= {"ChecksumAlgorithm": algorithm, "ChecksumType": kind.value}
        async with self._remote.client(Place(bucket, name)) as s3:
            answer: Any = await s3.create_multipart_upload(Bucket=bucket, Key=name, **params)
        self._remember(answer["UploadId"], algorithm)
        return UploadInfo(
            id=answer["UploadId"],
            name=name,
            initiated_ns=answered_ns(answer),
            owner=options.owner,
            attributes=options.attributes,
            checksum_algorithm=options.checksum_algorithm,
            checksum_type=options.checksum_type,
            kept_checksum=options.kept_checksum,
        )

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        """S3 says when an upload began in the listing of all uploads only."""
        query = UploadQuery(prefix=name, limit=_MOST_ROWS)
        while True:
            page = await self._lister.list_uploads(bucket, query)
            for info in page.uploads:
                if info.name == name and info.id == upload_id:
                    return info
            if page.next_after != name:
                raise UploadNotFound(upload_id)
            query = UploadQuery(name, "", page.next_after, page.next_id, _MOST_ROWS)

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        if options.data_key is not None:
            raise NotSupported("encryption", PROVIDER)
        place = Place(bucket, name, upload_id=upload_id, part=number)
        algorithm = await self._algorithm(place)
        spooled = await spool(body, options.digest, self._remote.options.part_bytes, crc32)
        with spooled.file as file:
            sealed = options.digest.seal()
            params = _checksum_for(algorithm, sealed.checksum, as_crc32(spooled.crc))
            async with self._remote.client(place) as s3:
                answer: Any = await s3.upload_part(
                    Bucket=bucket,
                    Key=name,
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=file,
                    ContentLength=spooled.size,
                    **params,
                )
        etag = unquoted(answer["ETag"])
        checksum = checksum_of(answer) or sealed.checksum
        return PartInfo(number, spooled.size, etag, answered_ns(answer), checksum)

    async def _algorithm(self, place: Place) -> str:
        upload_id = place.upload_id
        if upload_id not in self._algorithms:
            answer = await self._part_rows(place, 0, 1)
            self._remember(upload_id, answer.get("ChecksumAlgorithm", ""))
        return self._algorithms[upload_id]

    def _remember(self, upload_id: str, algorithm: str) -> None:
        self._algorithms[upload_id] = algorithm
        if len(self._algorithms) > _REMEMBERED:
            self._algorithms.popitem(last=False)

    async def list_parts(
        self, bucket: str, name: str, upload_id: str, *, after: int = 0, limit: int = 1000
    ) -> PartPage:
        place = Place(bucket, name, upload_id=upload_id)
        parts: list[PartInfo] = []
        while True:
            wanted = min(limit - len(parts), _MOST_ROWS)
            answer = await self._part_rows(place, after, max(wanted, 1))
            if limit:
                parts += [_part(row) for row in answer.get("Parts", ())]
            if not limit or not parts or not answer.get("IsTruncated"):
                return PartPage(tuple(parts))
            after = parts[-1].number
            if len(parts) >= limit:
                return PartPage(tuple(parts), after)

    async def _part_rows(self, place: Place, after: int, limit: int) -> Any:
        async with self._remote.client(place) as s3:
            return await s3.list_parts(
                Bucket=place.bucket,
                Key=place.name,
                UploadId=place.upload_id,
                PartNumberMarker=after,
                MaxParts=limit,
            )

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        """The ETag is S3's, whatever `assemble` says; its checksum is verified by S3."""
        place = Place(bucket, name, upload_id=upload_id)
        page = await self.list_parts(bucket, name, upload_id, limit=10_000)
        chosen = _choose(page.parts, options.numbers)
        upload = await self.head_upload(bucket, name, upload_id)
        sealed = options.assemble(upload, chosen)
        guard = await write_guard(self._reader, place, options.condition)
        async with self._remote.client(guarded(place, guard), use_of(guard)) as s3:
            answer: Any = await s3.complete_multipart_upload(
                Bucket=bucket,
                Key=name,
                UploadId=upload_id,
                MultipartUpload={"Parts": [_completed(part) for part in chosen]},
                **_whole_checksum(upload, sealed),
                **guard,
            )
        said = info_of(name, answer, sum(part.size for part in chosen))
        said = replace(said, modified_ns=answered_ns(answer), parts=len(chosen))
        return await written(self._reader, place, said)

    async def abort_upload(self, bucket: str, name: str, upload_id: str) -> None:
        async with self._remote.client(Place(bucket, name, upload_id=upload_id)) as s3:
            await s3.abort_multipart_upload(Bucket=bucket, Key=name, UploadId=upload_id)

    async def list_object_parts(
        self,
        bucket: str,
        name: str,
        *,
        version: str | None = None,
        after: int = 0,
        limit: int = 1000,
    ) -> PartPage:
        """Raises `NotSupported` for an object in parts that S3 does not list."""
        params: dict[str, Any] = {"VersionId": version} if version is not None else {}
        async with self._remote.client(Place(bucket, name, version)) as s3:
            answer: Any = await s3.get_object_attributes(
                Bucket=bucket,
                Key=name,
                ObjectAttributes=["ETag", "ObjectParts"],
                PartNumberMarker=after,
                MaxParts=min(max(limit, 1), _MOST_ROWS),
                **params,
            )
        found = answer.get("ObjectParts", {})
        rows = found.get("Parts", ())
        if not rows and parts_of(unquoted(answer.get("ETag", ""))) and not after:
            raise NotSupported("listing parts that the checksum does not name", PROVIDER)
        modified_ns = ns_of(answer.get("LastModified"))
        parts = tuple(
            PartInfo(row["PartNumber"], row["Size"], "", modified_ns, checksum_of(row))
            for row in rows[:limit]
        )
        more = bool(parts) and bool(found.get("IsTruncated"))
        return PartPage(parts, parts[-1].number if more else None)


def _choose(parts: Sequence[PartInfo], numbers: Sequence[int]) -> list[PartInfo]:
    by_number = {part.number: part for part in parts}
    for number in numbers:
        if number not in by_number:
            raise PartNotFound(number, len(parts))
    return [by_number[number] for number in numbers]


def _checksum_for(algorithm: str, sealed: Checksum | None, crc32: Checksum) -> dict[str, Any]:
    """Return the parameters of a part of an upload with that algorithm."""
    if not algorithm:
        return {}
    for checksum in (sealed, crc32):
        if checksum is not None and checksum.algorithm == algorithm:
            return checksum_params(checksum)
    # botocore computes it.
    return {"ChecksumAlgorithm": algorithm} if algorithm in ALGORITHMS else {}


def _whole_checksum(upload: UploadInfo, sealed: Sealed) -> dict[str, Any]:
    """Return the parameters that let S3 compare the checksum of the whole object."""
    checksum = sealed.checksum
    if checksum is None or checksum.algorithm != upload.checksum_algorithm:
        return {}
    if checksum.type is not upload.checksum_type or checksum.type is ChecksumType.COMPOSITE:
        return {}
    return checksum_params(checksum) | {"ChecksumType": checksum.type.value}


def _completed(part: PartInfo) -> Any:
    return {"PartNumber": part.number, "ETag": part.etag, **checksum_params(part.checksum)}


def _part(row: dict[str, Any]) -> PartInfo:
    etag = unquoted(row.get("ETag", ""))
    modified_ns = ns_of(row.get("LastModified"))
    return PartInfo(row["PartNumber"], row["Size"], etag, modified_ns, checksum_of(row))
