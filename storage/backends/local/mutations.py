"""Each change of the index as a value: called with a transaction, it checks, then writes.

Whatever it raises it raises before it wrote, so that others in its transaction are not harmed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storage.backends.local.rows import Manifest, PartRow, Row, encode
from storage.backends.local.transaction import Transaction
from storage.conditions import check_write
from storage.errors import ObjectNotFound, StorageError, UploadNotFound
from storage.values import (
    ALWAYS,
    Attributes,
    Condition,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    UploadInfo,
)


@dataclass(frozen=True, slots=True)
class PutObject:
    """Make the row the object of that name; `payload` goes with an inline row."""

    bucket: str
    name: str
    row: Row
    payload: bytes | None
    condition: Condition

    def __call__(self, transaction: Transaction) -> ObjectInfo:
        bucket, name = transaction.bucket(self.bucket), self.name.encode()
        old = transaction.find(bucket, name)
        check_write(self.condition, self.name, old.row.info(self.name) if old else None)
        transaction.put(bucket, name, self.row, self.payload, old)
        return self.row.info(self.name)


@dataclass(frozen=True, slots=True)
class UpdateObject:
    """Other attributes on the same bytes; `modified_ns` is None to leave the time as it is."""

    bucket: str
    name: str
    change: Callable[[Attributes], Attributes]
    condition: Condition
    modified_ns: int | None

    def __call__(self, transaction: Transaction) -> ObjectInfo:
        bucket, name = transaction.bucket(self.bucket), self.name.encode()
        old = transaction.find(bucket, name)
        check_write(self.condition, self.name, old.row.info(self.name) if old else None)
        if old is None:
            raise ObjectNotFound(self.name)
        row = _with_attributes(old.row, self.change(old.row.attributes), self.modified_ns)
        transaction.replace_row(bucket, name, row)
        return row.info(self.name)


def _with_attributes(row: Row, attributes: Attributes, modified_ns: int | None) -> Row:
    modified = row.modified_ns if modified_ns is None else modified_ns
    return Row(row.size, row.etag, modified, attributes, row.location, row.checksum, row.parts)


@dataclass(frozen=True, slots=True)
class DeleteObjects:
    """Several deletions in one go, each with its own outcome: what it did, or an error."""

    bucket: str
    requests: Sequence[DeleteRequest]

    def __call__(self, transaction: Transaction) -> list[Deletion | StorageError]:
        bucket = transaction.bucket(self.bucket)
        return [_delete(transaction, bucket, request) for request in self.requests]


def _delete(
    transaction: Transaction, bucket: int, request: DeleteRequest
) -> Deletion | StorageError:
    name = request.name.encode()
    old = transaction.find(bucket, name)
    try:
        if old is None:
            check_absent(request.name, request.condition)
            return Deletion(existed=False)
        check_write(request.condition, request.name, old.row.info(request.name))
    except StorageError as error:
        return error
    transaction.remove(bucket, name, old)
    return Deletion(existed=True)


def check_absent(name: str, condition: Condition) -> None:
    """Deleting nothing is fine, unless the caller wanted to delete something in particular."""
    if condition != ALWAYS:
        raise ObjectNotFound(name)


@dataclass(frozen=True, slots=True)
class CreateUpload:
    bucket: str
    upload: UploadInfo

    def __call__(self, transaction: Transaction) -> None:
        bucket = transaction.bucket(self.bucket)
        transaction.add_upload(bucket, self.upload.name.encode(), self.upload)


@dataclass(frozen=True, slots=True)
class PutPart:
    bucket: str
    name: str
    upload: str
    part: PartRow

    def __call__(self, transaction: Transaction) -> None:
        bucket = transaction.bucket(self.bucket)
        if transaction.upload(bucket, self.name.encode(), self.upload) is None:
            raise UploadNotFound(self.upload)
        transaction.put_part(self.upload, self.part)


@dataclass(frozen=True, slots=True)
class AbortUpload:
    bucket: str
    name: str
    upload: str

    def __call__(self, transaction: Transaction) -> None:
        bucket, name = transaction.bucket(self.bucket), self.name.encode()
        if transaction.upload(bucket, name, self.upload) is None:
            raise UploadNotFound(self.upload)
        transaction.remove_upload(bucket, name, self.upload)


class PartsChanged(Exception):
    """A chosen part was replaced after the sidecar was written: assemble once more."""


@dataclass(frozen=True, slots=True)
class CompleteUpload:
    """The upload becomes the object that `row` and `manifest` describe, if its parts are still
    those. Two completions at once get the same answer: the second finds the first's."""

    bucket: str
    upload: UploadInfo
    row: Row
    manifest: Manifest
    condition: Condition

    def __call__(self, transaction: Transaction) -> ObjectInfo:
        bucket, name = transaction.bucket(self.bucket), self.upload.name.encode()
        if transaction.upload(bucket, name, self.upload.id) is None:
            raise UploadNotFound(self.upload.id)
        parts = transaction.parts(self.upload.id)
        if any(parts.get(part.info.number) != part for part in self.manifest.parts):
            raise PartsChanged
        old = transaction.find(bucket, name)
        info = self.row.info(self.upload.name)
        check_write(self.condition, info.name, old.row.info(info.name) if old else None)
        transaction.put(bucket, name, self.row, encode(self.manifest), old)
        keep = frozenset(self.manifest.blobs())
        transaction.remove_upload(bucket, name, self.upload.id, keep=keep)
        transaction.add_completed(bucket, name, self.upload.id, self.row)
        return info
