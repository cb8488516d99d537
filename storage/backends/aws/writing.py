"""Writing objects and changing their attributes.

A body of at most one part is one PutObject; a larger one goes up in parts, a few of them in memory,
and becomes an object when its digest has sealed it. What breaks before leaves nothing: the upload
is aborted.

The answer to a write lacks the object's time, so that a HEAD follows.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from storage.backend import Change
from storage.backends.aws.facts import (
    answered_ns,
    attribute_params,
    checksum_of,
    checksum_params,
    parts_of,
    quoted,
    unquoted,
)
from storage.backends.aws.guarding import guarded, use_of, write_guard
from storage.backends.aws.part_sender import PartSender
from storage.backends.aws.place import PROVIDER, Place
from storage.backends.aws.reading import ObjectReader
from storage.backends.aws.remote import Remote
from storage.backends.sending import Cutter, Piece, crc32_checksum
from storage.conditions import check_write
from storage.errors import (
    BackendError,
    NotSupported,
    ObjectNotFound,
    StorageError,
    UploadNotFound,
    VersionNotFound,
)
from storage.values import (
    MAX_PARTS,
    NULL_VERSION,
    UPDATE_CURRENT,
    Attributes,
    Body,
    ObjectInfo,
    PutOptions,
    UpdateOptions,
)

log = logging.getLogger(__name__)

# S3 copies no larger object in one request.
_LARGEST_COPY = 5 << 30
_MIB = 1 << 20


class ObjectWriter:
    def __init__(self, remote: Remote, reader: ObjectReader) -> None:
        self._remote = remote
        self._reader = reader

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        if options.chunks is not None:
            raise NotSupported("chunks", PROVIDER)
        if options.data_key is not None:
            raise NotSupported("encryption", PROVIDER)
        check_attributes(options.attributes)
        part_bytes = self._part_bytes(options.size)
        cutter = Cutter(body, options.digest)
        first = await cutter.cut(part_bytes)
        if first.last:
            return await self._put_whole(Place(bucket, name), first.content, options)
        return await self._put_parts(Place(bucket, name), first, cutter, part_bytes, options)

    async def _put_whole(self, place: Place, content: bytes, options: PutOptions) -> ObjectInfo:
        sealed = options.digest.seal()
        params = checksum_params(sealed.checksum)
        if not params and self._remote.options.checksums:
            params = checksum_params(await crc32_checksum(content))
        guard = await write_guard(self._reader, place, options.condition)
        async with self._remote.client(guarded(place, guard), use_of(guard)) as s3:
            answer: Any = await s3.put_object(
                Bucket=place.bucket,
                Key=place.name,
                Body=io.BytesIO(content),
                ContentLength=len(content),
                **attribute_params(options.attributes),
                **params,
                **guard,
            )
        said = _said(place.name, len(content), options.attributes, answer)
        return await written(self._reader, place, said)

    async def _put_parts(
        self, place: Place, first: Piece, cutter: Cutter, part_bytes: int, options: PutOptions
    ) -> ObjectInfo:
        upload = await self._begin(place, options.attributes)
        try:
            sender = PartSender(self._remote, upload, part_bytes)
            parts = await sender.send_all(first, cutter)
            options.digest.seal()
            guard = await write_guard(self._reader, place, options.condition)
            async with self._remote.client(guarded(upload, guard), use_of(guard)) as s3:
                answer: Any = await s3.complete_multipart_upload(
                    Bucket=place.bucket,
                    Key=place.name,
                    UploadId=upload.upload_id,
                    MultipartUpload={"Parts": parts},
                    **guard,
                )
        except BaseException:
            await self._abort(upload)
            raise
        said = _said(place.name, sender.size, options.attributes, answer)
        return await written(self._reader, place, said)

    async def _begin(self, place: Place, attributes: Attributes) -> Place:
        params = attribute_params(attributes)
        if self._remote.options.checksums:
            params |= {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
        async with self._remote.client(place) as s3:
            begun: Any = await s3.create_multipart_upload(
                Bucket=place.bucket, Key=place.name, **params
            )
        return Place(place.bucket, place.name, upload_id=begun["UploadId"])

    async def _abort(self, upload: Place) -> None:
        """The error that led here is what counts; parts that stay are written to the log."""
        try:
            async with self._remote.client(upload) as s3:
                await s3.abort_multipart_upload(
                    Bucket=upload.bucket, Key=upload.name, UploadId=upload.upload_id
                )
        except UploadNotFound:
            return
        except StorageError as error:
            log.warning(
                "an unfinished upload stays in its bucket",
                extra={"object": str(upload), "upload": upload.upload_id, "error": str(error)},
            )

    def _part_bytes(self, size: int | None) -> int:
        """Large enough for the number of parts that S3 allows, in whole MiB."""
        least = -(-(size or 0) // MAX_PARTS)
        return max(self._remote.options.part_bytes, -(-least // _MIB) * _MIB)

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        """S3 can change the tags in place; for the rest it copies the object onto itself. That is a
        new version where versions are kept, and loses the ACL of the old one."""
        place = Place(bucket, name, options.version)
        info = await self._reader.look(place)
        check_write(options.condition, name, info)
        attributes = change(info.attributes)
        check_attributes(attributes)
        if attributes == info.attributes and not options.touch:
            return info
        if replace(info.attributes, tags=attributes.tags) == attributes and (not options.touch):
            await self._retag(place, attributes.tags)
        else:
            await self._copy_onto_itself(place, info, attributes)
        return await self._reader.look(place)

    async def _retag(self, place: Place, tags: dict[str, str]) -> None:
        params: dict[str, Any] = {"VersionId": place.version} if place.version else {}
        async with self._remote.client(place) as s3:
            await s3.put_object_tagging(
                Bucket=place.bucket,
                Key=place.name,
                Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]},
                **params,
            )

    async def _copy_onto_itself(
        self, place: Place, info: ObjectInfo, attributes: Attributes
    ) -> None:
        if place.version is not None:
            raise NotSupported("changing what is not the current version", PROVIDER)
        if info.size > _LARGEST_COPY:
            raise NotSupported("changing an object of more than 5 GiB", PROVIDER)
        async with self._remote.client(place) as s3:
            await s3.copy_object(
                Bucket=place.bucket,
                Key=place.name,
                CopySource={"Bucket": place.bucket, "Key": place.name},
                CopySourceIfMatch=quoted(info.etag),
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                **attribute_params(attributes),
            )


def check_attributes(attributes: Attributes) -> None:
    """Raise `NotSupported` for those that would get lost, though their writer relies on them."""
    if attributes.lock is not None:
        raise NotSupported("locking", PROVIDER)
    if attributes.encryption is not None:
        raise NotSupported("encryption", PROVIDER)


async def written(reader: ObjectReader, place: Place, said: ObjectInfo) -> ObjectInfo:
    """Return what a HEAD says of the object just written, if it is still that one; else what the
    answer to the write said, with the time of that answer."""
    version = None if said.version == NULL_VERSION else said.version
    try:
        info = await reader.look(Place(place.bucket, place.name, version))
    except (ObjectNotFound, VersionNotFound, BackendError):
        return said
    return info if info.etag == said.etag else said


def _said(name: str, size: int, attributes: Attributes, answer: Mapping[str, Any]) -> ObjectInfo:
    etag = unquoted(answer.get("ETag", ""))
    return ObjectInfo(
        name=name,
        size=size,
        etag=etag,
        modified_ns=answered_ns(answer),
        attributes=attributes,
        checksum=checksum_of(answer),
        parts=parts_of(etag),
        version=answer.get("VersionId") or NULL_VERSION,
    )
