"""Mutations of uploads in parts: coroutines over a transaction, for any engine."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import Struct

from storage.conditions import check_completion, time_of
from storage.errors import UploadNotFound
from storage.index.changes import place_of, put, remove_uploads
from storage.index.rows import Manifest, PartRow, Row, encode
from storage.index.transaction import Transaction
from storage.index.versions import Bucket, counted, info_of, require_removable, versioned
from storage.values import Condition, ObjectInfo, UploadInfo


class CreateUpload(Struct, frozen=True):
    bucket: Bucket
    upload: UploadInfo

    async def __call__(self, transaction: Transaction) -> UploadInfo:
        name = self.upload.name.encode()
        bucket = (await transaction.hold(self.bucket, name)).key
        current = await transaction.find(bucket, name)
        over_ns = time_of(info_of(current, self.upload.name))
        upload = msgspec.structs.replace(self.upload, over_ns=over_ns)
        await transaction.add_upload(bucket, name, upload)
        return upload


class PutPart(Struct, frozen=True):
    """The blob of an earlier part of that number goes."""

    bucket: Bucket
    name: str
    upload: str
    part: PartRow

    async def __call__(self, transaction: Transaction) -> None:
        name = self.name.encode()
        bucket = (await transaction.hold(self.bucket, name)).key
        if await transaction.upload(bucket, name, self.upload) is None:
            raise UploadNotFound(self.upload)
        old = await transaction.part(self.upload, self.part.info.number)
        if old is not None and old.chunk:
            await transaction.discard([[old.chunk.blob]])
        await transaction.put_part(self.upload, self.part)


class AbortUpload(Struct, frozen=True):
    makes_room: ClassVar[bool] = True

    bucket: Bucket
    name: str
    upload: str

    async def __call__(self, transaction: Transaction) -> None:
        name = self.name.encode()
        bucket = (await transaction.hold(self.bucket, name)).key
        if await transaction.upload(bucket, name, self.upload) is None:
            raise UploadNotFound(self.upload)
        parts = await transaction.parts([self.upload])
        await remove_uploads(transaction, bucket, [(name, self.upload)], parts)


class PartsChanged(Exception):
    """A chosen part was replaced after the sidecar was written: assemble once more."""


class CompleteUpload(Struct, frozen=True):
    """The upload becomes the object that `row` and `manifest` describe, if its parts are still
    those. Two completions at once get the same answer: the second finds the first's."""

    bucket: Bucket
    upload: UploadInfo
    row: Row
    manifest: Manifest
    condition: Condition

    async def __call__(self, transaction: Transaction) -> ObjectInfo:
        name, upload = self.upload.name.encode(), self.upload.id
        home = await transaction.hold(self.bucket, name)
        if await transaction.upload(home.key, name, upload) is None:
            raise UploadNotFound(upload)
        parts = {part.info.number: part for part in await transaction.parts([upload])}
        if any(parts.get(part.info.number) != part for part in self.manifest.parts):
            raise PartsChanged
        place = await place_of(transaction, home, name)
        there = info_of(place.current, self.upload.name)
        check_completion(self.condition, self.upload, self.upload.name, there)
        require_removable(place.replaced, self.upload.name, transaction.now_ns)
        row = counted(versioned(self.row, home), place.current)
        await put(transaction, home, name, row, encode(self.manifest), place)
        keep = frozenset(self.manifest.blobs())
        await remove_uploads(transaction, home.key, [(name, upload)], parts.values(), keep)
        await transaction.add_completed(home.key, name, upload, row, transaction.now_ns())
        return row.info(self.upload.name)
