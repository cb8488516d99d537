"""Changes of objects and uploads as values: functions of a transaction.

What a mutation raises it raises before it writes, so that others in its transaction are not harmed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec
from msgspec import Struct

from storage.backends.local.transaction import Transaction
from storage.conditions import check_completion, check_write, time_of
from storage.errors import (
    ObjectChanged,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    UploadNotFound,
)
from storage.index.rows import Manifest, PartRow, Row, encode
from storage.index.versions import (
    Bucket,
    Home,
    Stored,
    counted,
    delete_marker,
    info_of,
    missing,
    readable,
    require_removable,
    versioned,
)
from storage.values import (
    ALWAYS,
    NULL_VERSION,
    Attributes,
    Condition,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    RenameOptions,
    Still,
    UpdateOptions,
    UploadInfo,
    Versioning,
)


class PutObject(Struct, frozen=True):
    """Make the row the current version of that name; `payload` has its bytes or its manifest."""

    bucket: Bucket
    name: str
    row: Row
    payload: bytes | None
    condition: Condition

    def __call__(self, transaction: Transaction) -> ObjectInfo:
        home, name = transaction.home(self.bucket), self.name.encode()
        current = transaction.find(home.key, name)
        check_write(self.condition, self.name, info_of(current, self.name))
        replaced = transaction.replaced(home, name, current)
        require_removable(replaced, self.name, self.row.modified_ns)
        row = counted(versioned(self.row, home), current)
        new = Stored(row, transaction.add_payload(self.payload))
        transaction.put(home, name, new, current, replaced)
        return new.row.info(self.name)


class RechunkObject(Struct, frozen=True):
    """The bytes of the version `old` are where `new` says, if they are still those of `old`; what
    was said of it meanwhile stays. Payloads go with their rows."""

    bucket: Bucket
    name: str
    old: Row
    old_payload: bytes | None
    new: Row
    new_payload: bytes | None

    def __call__(self, transaction: Transaction) -> None:
        bucket, name = transaction.bucket(self.bucket), self.name.encode()
        stored = transaction.find(bucket, name, self.old.version)
        if stored is None or not self._is_same(transaction, stored):
            raise ObjectChanged(self.name)
        where = {"location": self.new.location, "label": "", "mountpath": ""}
        row = msgspec.structs.replace(stored.row, **where)
        transaction.replace_bytes(bucket, name, stored, row, self.new_payload)

    def _is_same(self, transaction: Transaction, stored: Stored) -> bool:
        """Blobs are immutable; bytes in the index have no name to know them by."""
        if stored.row.location != self.old.location:
            return False
        same_key = stored.row.attributes.encryption == self.old.attributes.encryption
        return same_key and transaction.payload(stored.payload) == self.old_payload


class UpdateObject(Struct, frozen=True):
    """Other attributes on the same bytes; `now_ns` is the new modification time of a touch."""

    bucket: Bucket
    name: str
    change: Callable[[Attributes], Attributes]
    options: UpdateOptions
    now_ns: int

    def __call__(self, transaction: Transaction) -> ObjectInfo:
        bucket, name, version = transaction.bucket(self.bucket), self.name, self.options.version
        old = transaction.find(bucket, name.encode(), version)
        if old is None:
            raise missing(name, version)
        row = readable(old.row, name, version)
        check_write(self.options.condition, name, row.info(name))
        changed = msgspec.structs.replace(
            row,
            attributes=self.change(row.attributes),
            modified_ns=self.now_ns if self.options.touch else row.modified_ns,
        )
        transaction.replace_row(bucket, name.encode(), old, changed)
        return changed.info(name)


class RenameObject(Struct, frozen=True):
    """The current version of `source` becomes that of `name`, with its bytes as they are. Between
    mountpaths, `crossing` does it in steps."""

    bucket: Bucket
    source: str
    name: str
    options: RenameOptions
    now_ns: int

    def __call__(self, transaction: Transaction) -> ObjectInfo:
        home = transaction.home(self.bucket)
        if done := self.done_before(transaction, home.key):
            return done
        stored = self.look(transaction, transaction, home.key)
        if self.source == self.name:
            return stored.row.info(self.name)
        self.require_leavable(transaction, home, stored)
        current, replaced = self.room(transaction, home)
        row = self._leave(transaction, home, stored)
        new = Stored(anew(row, home), stored.payload)
        return self.land(transaction, home, new, (current, replaced))

    def done_before(self, there: Transaction, bucket: int) -> ObjectInfo | None:
        """The answer to the first one, if this is a repetition."""
        if not self.options.token:
            return None
        done = there.completed(bucket, self.name.encode(), self._token(bucket))
        return None if done is None else done.info(self.name)

    def look(self, here: Transaction, there: Transaction, bucket: int) -> Stored:
        """What is to be renamed. Raises `ObjectNotFound`, `PreconditionFailed`."""
        stored = here.find(bucket, self.source.encode())
        if stored is None:
            raise ObjectNotFound(self.source)
        info = readable(stored.row, self.source, None).info(self.source)
        check_write(self.options.source_condition, self.source, info)
        self._check_target(there.find(bucket, self.name.encode()))
        return stored

    def _check_target(self, current: Stored | None) -> None:
        check_write(self.options.condition, self.name, info_of(current, self.name))

    def require_leavable(self, here: Transaction, home: Home, stored: Stored) -> None:
        """Raises `ObjectLocked`."""
        require_removable(stored, self.source, self.now_ns)
        under = here.replaced(home, self.source.encode(), stored)
        require_removable(under, self.source, self.now_ns)

    def room(self, there: Transaction, home: Home) -> tuple[Stored | None, Stored | None]:
        """What is current under the new name, and what gives way. Raises `PreconditionFailed`,
        `ObjectLocked`."""
        name = self.name.encode()
        current = there.find(home.key, name)
        self._check_target(current)
        replaced = there.replaced(home, name, current)
        require_removable(replaced, self.name, self.now_ns)
        return current, replaced

    def land(
        self,
        there: Transaction,
        home: Home,
        new: Stored,
        room: tuple[Stored | None, Stored | None],
    ) -> ObjectInfo:
        there.put(home, self.name.encode(), new, *room)
        if self.options.token:
            where = home.key, self.name.encode(), self._token(home.key)
            there.add_completed(*where, new.row, self.now_ns)
        return new.row.info(self.name)

    def _token(self, bucket: int) -> str:
        return f"rename {bucket} {self.options.token} {self.source}"

    def _leave(self, transaction: Transaction, home: Home, stored: Stored) -> Row:
        """Nothing stays under the old name, or a delete marker."""
        name = self.source.encode()
        row = transaction.move(home.key, name, stored, self.name.encode())
        if home.versioning is not Versioning.NEVER:
            add_delete_marker(transaction, home, name, delete_marker(home, self.now_ns))
        return row


def anew(row: Row, home: Home) -> Row:
    """Under its new name, an object is a new version."""
    return versioned(msgspec.structs.replace(row, version=NULL_VERSION), home)


def add_delete_marker(transaction: Transaction, home: Home, name: bytes, marker: Row) -> None:
    """The caller has seen to locks."""
    current = transaction.find(home.key, name)
    replaced = transaction.replaced(home, name, current)
    transaction.put(home, name, Stored(marker, None), current, replaced)


class DeleteObjects(Struct, frozen=True):
    """Several deletions in one go, each with its own outcome: what it did, or an error."""

    makes_room: ClassVar[bool] = True

    bucket: Bucket
    requests: Sequence[DeleteRequest]
    now_ns: int

    def __call__(self, transaction: Transaction) -> list[Deletion | StorageError]:
        home = transaction.home(self.bucket)
        return [_delete(transaction, home, request, self.now_ns) for request in self.requests]


def _delete(
    transaction: Transaction, home: Home, request: DeleteRequest, now_ns: int
) -> Deletion | StorageError:
    found = transaction.find(home.key, request.name.encode(), request.version)
    try:
        info = info_of(found, request.name)
        if info is None:
            check_absent(request.name, request.condition)
        else:
            check_write(request.condition, request.name, info)
        if request.version is None and home.versioning is not Versioning.NEVER:
            return _mark_deleted(transaction, home, request.name, found, now_ns)
        return _remove(transaction, home, request, found, now_ns)
    except StorageError as error:
        return error


def _mark_deleted(
    transaction: Transaction, home: Home, name: str, current: Stored | None, now_ns: int
) -> Deletion:
    existed = current is not None and not current.row.delete_marker
    replaced = transaction.replaced(home, name.encode(), current)
    require_removable(replaced, name, now_ns)
    marker = delete_marker(home, now_ns)
    transaction.put(home, name.encode(), Stored(marker, None), current, replaced)
    return Deletion(existed, marker.version, delete_marker=True)


def _remove(
    transaction: Transaction,
    home: Home,
    request: DeleteRequest,
    found: Stored | None,
    now_ns: int,
) -> Deletion:
    version, name = request.version or NULL_VERSION, request.name.encode()
    if found is not None and found.row.version != version:
        found = transaction.find(home.key, name, version)
    if found is None:
        return Deletion(existed=False, version=version)
    _require_still(transaction, home, request, found)
    bypass = request.bypass_governance
    require_removable(found, request.name, now_ns, bypass_governance=bypass)
    transaction.remove(home, name, found)
    return Deletion(True, version, found.row.delete_marker)


def _require_still(
    transaction: Transaction, home: Home, request: DeleteRequest, found: Stored
) -> None:
    """Raises `PreconditionFailed`."""
    if request.still is None:
        return
    name = request.name.encode()
    newest = transaction.find(home.key, name)
    holds = (newest is not None and newest.row.version == found.row.version) == (
        request.still is Still.LONE_MARKER
    )
    if request.still is Still.LONE_MARKER:
        lone = transaction.count_versions(home.key, name) == 1
        holds = holds and lone and found.row.delete_marker
    if not holds:
        raise PreconditionFailed(request.still.name)


def check_absent(name: str, condition: Condition) -> None:
    """Deleting nothing is fine, unless the caller wanted to delete something in particular."""
    if condition != ALWAYS:
        raise ObjectNotFound(name)


class CreateUpload(Struct, frozen=True):
    bucket: Bucket
    upload: UploadInfo

    def __call__(self, transaction: Transaction) -> UploadInfo:
        bucket, name = transaction.bucket(self.bucket), self.upload.name.encode()
        over_ns = time_of(info_of(transaction.find(bucket, name), self.upload.name))
        upload = msgspec.structs.replace(self.upload, over_ns=over_ns)
        transaction.add_upload(bucket, name, upload)
        return upload


class PutPart(Struct, frozen=True):
    bucket: Bucket
    name: str
    upload: str
    part: PartRow

    def __call__(self, transaction: Transaction) -> None:
        bucket = transaction.bucket(self.bucket)
        if transaction.upload(bucket, self.name.encode(), self.upload) is None:
            raise UploadNotFound(self.upload)
        transaction.put_part(self.upload, self.part)


class AbortUpload(Struct, frozen=True):
    makes_room: ClassVar[bool] = True

    bucket: Bucket
    name: str
    upload: str

    def __call__(self, transaction: Transaction) -> None:
        bucket, name = transaction.bucket(self.bucket), self.name.encode()
        if transaction.upload(bucket, name, self.upload) is None:
            raise UploadNotFound(self.upload)
        transaction.remove_upload(bucket, name, self.upload)


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

    def __call__(self, transaction: Transaction) -> ObjectInfo:
        home, name = transaction.home(self.bucket), self.upload.name.encode()
        if transaction.upload(home.key, name, self.upload.id) is None:
            raise UploadNotFound(self.upload.id)
        parts = transaction.parts(self.upload.id)
        if any(parts.get(part.info.number) != part for part in self.manifest.parts):
            raise PartsChanged
        current = transaction.find(home.key, name)
        there = info_of(current, self.upload.name)
        check_completion(self.condition, self.upload, self.upload.name, there)
        replaced = transaction.replaced(home, name, current)
        require_removable(replaced, self.upload.name, self.row.modified_ns)
        row = counted(versioned(self.row, home), current)
        new = Stored(row, transaction.add_payload(encode(self.manifest)))
        transaction.put(home, name, new, current, replaced)
        keep = frozenset(self.manifest.blobs())
        transaction.remove_upload(home.key, name, self.upload.id, keep=keep)
        transaction.add_completed(home.key, name, self.upload.id, row, row.modified_ns)
        return row.info(self.upload.name)
