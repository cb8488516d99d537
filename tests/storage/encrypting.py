"""A backend before a backend that encrypts whatever it is given, and tells nobody."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from storage.backend import Backend, Change
from storage.chunking import Chunking
from storage.errors import StorageError
from storage.values import (
    READ_ALL,
    UPDATE_CURRENT,
    Attributes,
    Body,
    CompleteOptions,
    Encryption,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    ObjectInfo,
    ObjectRead,
    Page,
    PartInfo,
    PartOptions,
    PutOptions,
    Reading,
    ReadOptions,
    RenameOptions,
    Sealed,
    UpdateOptions,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
    VersionEntry,
    VersionPage,
    VersionQuery,
)

T = TypeVar("T")


def encrypted(attributes: Attributes = Attributes()) -> Attributes:  # noqa: B008, a frozen value
    """With a record whose key stands in the clear: what it guards is no secret."""
    record = Encryption("AES256", os.urandom(32), "test")
    return msgspec.structs.replace(attributes, encryption=record)


async def unlock(record: Encryption) -> bytes:
    return record.wrapped


class Encrypting:
    """Delegates what does not touch bytes or attributes."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        attributes = encrypted(options.attributes)
        assert attributes.encryption is not None
        key = attributes.encryption.wrapped
        chosen = replace(options, attributes=attributes, data_key=key)
        return _plain(await self._inner.put_object(bucket, name, body, chosen))

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        chosen = replace(options, unlock=unlock)
        reading = await self._inner.get_object(bucket, name, chosen)
        return replace(reading, info=_plain(reading.info))

    async def get_objects(
        self, reads: Sequence[ObjectRead], room_bytes: int
    ) -> list[Reading | StorageError]:
        chosen = [replace(read, options=replace(read.options, unlock=unlock)) for read in reads]
        found = await self._inner.get_objects(chosen, room_bytes)
        return [
            replace(each, info=_plain(each.info)) if isinstance(each, Reading) else each
            for each in found
        ]

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        reading = await self._inner.head_object(bucket, name, options)
        return replace(reading, info=_plain(reading.info))

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        page = await self._inner.list_objects(bucket, query)
        return replace(page, objects=tuple(map(_plain, page.objects)))

    async def show_objects(
        self, bucket: str, query: ListQuery, show: Callable[[ListedPage], T]
    ) -> T:
        return show(ListedPage.of(await self.list_objects(bucket, query)))

    async def list_versions(self, bucket: str, query: VersionQuery) -> VersionPage:
        page = await self._inner.list_versions(bucket, query)
        entries = (VersionEntry(_plain(each.info), each.latest) for each in page.versions)
        return replace(page, versions=tuple(entries))

    async def show_versions(
        self, bucket: str, query: VersionQuery, show: Callable[[ListedVersionPage], T]
    ) -> T:
        return show(ListedVersionPage.of(await self.list_versions(bucket, query)))

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        def keeping(old: Attributes) -> Attributes:
            changed = change(msgspec.structs.replace(old, encryption=None))
            return msgspec.structs.replace(changed, encryption=old.encryption)

        return _plain(await self._inner.update_object(bucket, name, keeping, options))

    async def rename_object(
        self, bucket: str, source: str, name: str, options: RenameOptions
    ) -> ObjectInfo:
        return _plain(await self._inner.rename_object(bucket, source, name, options))

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        chosen = replace(options, unlock=unlock)
        return await self._inner.rechunk_object(bucket, name, chunks, chosen)

    async def create_upload(self, bucket: str, name: str, options: UploadOptions) -> UploadInfo:
        chosen = replace(options, attributes=encrypted(options.attributes))
        return _plain_upload(await self._inner.create_upload(bucket, name, chosen))

    async def head_upload(self, bucket: str, name: str, upload_id: str) -> UploadInfo:
        return _plain_upload(await self._inner.head_upload(bucket, name, upload_id))

    async def list_uploads(self, bucket: str, query: UploadQuery) -> UploadPage:
        page = await self._inner.list_uploads(bucket, query)
        return replace(page, uploads=tuple(map(_plain_upload, page.uploads)))

    async def put_part(
        self, bucket: str, name: str, upload_id: str, number: int, body: Body, options: PartOptions
    ) -> PartInfo:
        upload = await self._inner.head_upload(bucket, name, upload_id)
        assert upload.attributes.encryption is not None
        chosen = replace(options, data_key=upload.attributes.encryption.wrapped)
        return await self._inner.put_part(bucket, name, upload_id, number, body, chosen)

    async def complete_upload(
        self, bucket: str, name: str, upload_id: str, options: CompleteOptions
    ) -> ObjectInfo:
        def assemble(upload: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
            return options.assemble(_plain_upload(upload), parts)

        chosen = replace(options, assemble=assemble)
        return _plain(await self._inner.complete_upload(bucket, name, upload_id, chosen))


def _plain(info: ObjectInfo) -> ObjectInfo:
    attributes = msgspec.structs.replace(info.attributes, encryption=None)
    return msgspec.structs.replace(info, attributes=attributes)


def _plain_upload(upload: UploadInfo) -> UploadInfo:
    attributes = msgspec.structs.replace(upload.attributes, encryption=None)
    return msgspec.structs.replace(upload, attributes=attributes)
