"""What every backend promises of its optional abilities: it has those that it declares, and
refuses what needs another one."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest
from msgspec.structs import replace

from storage.backend import Backend
from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.errors import NotSupported, StorageError
from storage.values import (
    Attributes,
    BucketOptions,
    CompleteOptions,
    DeleteRequest,
    LockMode,
    ObjectLock,
    ObjectRead,
    PartOptions,
    ReadOptions,
    Retention,
    UpdateOptions,
    UploadQuery,
    Versioning,
    VersionQuery,
)
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest
from tests.storage.encrypting import encrypted
from tests.storage.event_loop import run
from tests.storage.sync_bucket import OWNER, SyncBucket, join_etags, put_options

BASIC = {
    "create_bucket",
    "update_bucket",
    "head_bucket",
    "delete_bucket",
    "list_buckets",
    "list_objects",
    "show_objects",
    "head_object",
    "get_object",
    "put_object",
    "update_object",
    "delete_object",
    "delete_objects",
}


@dataclass(frozen=True)
class Use:
    """One use of an ability, in a bucket with the object `a`."""

    capability: Capability
    name: str
    run: Callable[[SyncBucket], object]


def _put_locked(bucket: SyncBucket) -> object:
    lock = ObjectLock(Retention(LockMode.GOVERNANCE, 1))
    return bucket.put("a", b"x", options=put_options(attributes=Attributes(lock=lock)))


def _put_encrypted(bucket: SyncBucket) -> object:
    options = replace(put_options(attributes=encrypted()), data_key=os.urandom(32))
    return bucket.put("a", b"x", options=options)


def _put_in_chunks(bucket: SyncBucket) -> object:
    return bucket.put("a", b"x", options=replace(put_options(), chunks=Chunking(1, 1)))


def _update_version(bucket: SyncBucket) -> object:
    options = UpdateOptions(version="null")
    change = bucket.backend.update_object("bucket", "a", _same, options)
    return run(change)


def _same(attributes: Attributes) -> Attributes:
    return msgspec.structs.replace(attributes)


VERSIONS, UPLOADS = Capability.VERSIONS, Capability.UPLOADS
USES = [
    Use(VERSIONS, "list_versions", lambda b: b.versions()),
    Use(VERSIONS, "show_versions", lambda b: run(
        b.backend.show_versions("bucket", VersionQuery(), lambda page: page))),
    Use(VERSIONS, "a bucket with versioning", lambda b: run(
        b.backend.create_bucket("v", BucketOptions(OWNER, versioning=Versioning.ENABLED)))),
    Use(VERSIONS, "turning versioning on", lambda b: b.set_versioning(Versioning.ENABLED)),
    Use(VERSIONS, "reading a version", lambda b: b.read_version("a", "null")),
    Use(VERSIONS, "looking at a version", lambda b: b.info("a", "null")),
    Use(VERSIONS, "updating a version", _update_version),
    Use(VERSIONS, "deleting a version", lambda b: b.remove("a", "null")),
    Use(VERSIONS, "deleting versions", lambda b: b.delete_many(DeleteRequest("a", version="null"))),
    Use(Capability.LOCKS, "putting a locked object", _put_locked),
    Use(Capability.LOCKS, "locking", lambda b: b.lock("a", ObjectLock(legal_hold=True))),
    Use(Capability.ENCRYPTION, "putting an encrypted object", _put_encrypted),
    Use(Capability.CHUNKS, "putting in chunks", _put_in_chunks),
    Use(Capability.CHUNKS, "rechunk_object", lambda b: b.rechunk("a", 1, 1)),
    Use(Capability.RENAME_OBJECTS, "rename_object", lambda b: b.rename("a", "b")),
    Use(Capability.RENAME_BUCKETS, "rename_bucket", lambda b: run(
        b.backend.rename_bucket("bucket", "other"))),
    Use(Capability.DISCARD_BUCKETS, "discard_bucket", lambda b: run(
        b.backend.discard_bucket("bucket"))),
    Use(Capability.READ_MANY, "get_objects", lambda b: run(
        b.backend.get_objects([ObjectRead("bucket", "a", ReadOptions())], 1))),
    Use(Capability.BUCKETS_REVISION, "buckets_revision", lambda b: run(
        b.backend.buckets_revision())),
    Use(Capability.USAGE, "usage", lambda b: run(b.backend.usage())),
    Use(UPLOADS, "create_upload", lambda b: b.begin("a")),
    Use(UPLOADS, "head_upload", lambda b: run(b.backend.head_upload("bucket", "a", "1"))),
    Use(UPLOADS, "put_part", lambda b: run(
        b.backend.put_part("bucket", "a", "1", 1, body_of(b"x"), PartOptions(Md5Digest())))),
    Use(UPLOADS, "list_parts", lambda b: run(b.backend.list_parts("bucket", "a", "1"))),
    Use(UPLOADS, "complete_upload", lambda b: run(
        b.backend.complete_upload("bucket", "a", "1", CompleteOptions((1,), join_etags)))),
    Use(UPLOADS, "abort_upload", lambda b: run(b.backend.abort_upload("bucket", "a", "1"))),
    Use(UPLOADS, "list_uploads", lambda b: b.uploads(UploadQuery())),
    Use(UPLOADS, "list_object_parts", lambda b: b.parts_of("a")),
]  # fmt: skip


class CapabilityContract:
    @pytest.mark.parametrize("use", USES, ids=lambda use: use.name)
    def test_what_is_declared_works_and_what_is_not_is_refused_and_changes_nothing(
        self, bucket: SyncBucket, use: Use
    ) -> None:
        before = bucket.put("a", b"content")
        try:
            use.run(bucket)
        except NotSupported:
            supported = False
        except StorageError:
            supported = True
        else:
            supported = True
        assert supported == (use.capability in bucket.backend.capabilities)
        if not supported:
            assert bucket.info("a") == before
            assert bucket.read("a") == b"content"
            assert [info.name for info in run(bucket.backend.list_buckets())] == ["bucket"]

    def test_every_ability_and_every_method_is_tried(self, backend: Backend) -> None:
        methods = {name for name, _ in inspect.getmembers(Backend, inspect.iscoroutinefunction)}
        assert methods - BASIC <= {use.name for use in USES}
        assert {use.capability for use in USES} == set(Capability)
