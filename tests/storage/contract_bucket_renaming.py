"""What every backend promises of buckets that are renamed, and of those that are discarded."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from storage.backend import Backend
from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.errors import BucketExists, BucketNotFound, ObjectNotFound
from storage.values import BucketInfo, BucketOptions, DeleteRequest, ObjectInfo, Versioning
from tests.storage.bodies import gated_body, pattern
from tests.storage.event_loop import run
from tests.storage.needs import all_need, needs
from tests.storage.sync_bucket import OWNER, SyncBucket, put_options

NAMES = [f"name-{number}" for number in range(24)]
LARGE = pattern(300_000, seed=3)


class Forbidden(Exception):
    pass


def forbid(_: BucketInfo) -> BucketInfo:
    raise Forbidden


def tagged(bucket: BucketInfo) -> BucketInfo:
    return msgspec.structs.replace(bucket, tags={"a": "b"})


def move(backend: Backend, name: str, new_name: str) -> SyncBucket:
    run(backend.rename_bucket(name, new_name))
    return SyncBucket(backend, new_name)


def assert_gone(backend: Backend, name: str) -> None:
    with pytest.raises(BucketNotFound):
        run(backend.head_bucket(name))
    with pytest.raises(BucketNotFound):
        SyncBucket(backend, name).read(NAMES[0])
    with pytest.raises(BucketNotFound):
        SyncBucket(backend, name).put("new")
    with pytest.raises(BucketNotFound):
        SyncBucket(backend, name).names()
    assert name not in [info.name for info in run(backend.list_buckets())]


@all_need(Capability.RENAME_BUCKETS)
class BucketRenamingContract:
    @needs(Capability.VERSIONS)
    @needs(Capability.UPLOADS)
    @needs(Capability.READ_MANY)
    def test_a_renamed_bucket_has_all_that_was_in_it(self, bucket: SyncBucket) -> None:
        bucket.set_versioning(Versioning.ENABLED)
        for name in NAMES:
            bucket.put(name, name.encode())
        bucket.put(NAMES[0], LARGE)
        bucket.put_in_parts("parts", LARGE, b"tail")
        before = run(bucket.backend.head_bucket("bucket"))
        renamed = move(bucket.backend, "bucket", "new")
        assert_gone(bucket.backend, "bucket")
        assert renamed.names() == sorted([*NAMES, "parts"])
        assert renamed.read(NAMES[0]) == LARGE
        assert len(renamed.history(NAMES[0])) == 2
        assert renamed.read("parts") == LARGE + b"tail"
        assert renamed.read_many((NAMES[1], None)) == [NAMES[1].encode()]
        after = run(bucket.backend.head_bucket("new"))
        assert after == msgspec.structs.replace(before, name="new", label=after.label)
        assert after.lasting_name == before.lasting_name

    def test_a_renamed_bucket_is_written_and_deleted_from_as_any(self, bucket: SyncBucket) -> None:
        bucket.put_all(*NAMES)
        renamed = move(bucket.backend, "bucket", "new")
        for name in NAMES:
            renamed.put(name, LARGE)
        assert renamed.read(NAMES[5]) == LARGE
        renamed.delete(NAMES[0])
        renamed.delete_many(*(DeleteRequest(name) for name in NAMES[1:]))
        assert renamed.names() == []
        run(bucket.backend.delete_bucket("new"))
        assert run(bucket.backend.list_buckets()) == []

    @needs(Capability.UPLOADS)
    def test_unfinished_uploads_go_on_under_the_new_name(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("big", LARGE)
        renamed = move(bucket.backend, "bucket", "new")
        renamed.put_part(upload, 2, b"tail")
        done = renamed.complete(upload, 1, 2)
        assert renamed.read("big") == LARGE + b"tail"
        assert renamed.complete(upload, 1, 2) == done

    def test_old_and_new_name_can_be_used_again(self, bucket: SyncBucket) -> None:
        bucket.put_all(*NAMES)
        first = move(bucket.backend, "bucket", "new")
        run(bucket.backend.create_bucket("bucket", BucketOptions(OWNER)))
        for name in NAMES:
            bucket.put(name, b"second")
        assert first.read(NAMES[3]) == b""
        assert bucket.read(NAMES[3]) == b"second"
        second = move(bucket.backend, "bucket", "other")
        back = move(bucket.backend, "new", "bucket")
        assert second.read(NAMES[3]) == b"second"
        assert back.read(NAMES[3]) == b""
        labels = {info.lasting_name for info in run(bucket.backend.list_buckets())}
        assert len(labels) == 2

    def test_nothing_is_renamed_to_a_name_that_is_taken(self, bucket: SyncBucket) -> None:
        run(bucket.backend.create_bucket("taken", BucketOptions("somebody")))
        bucket.put("a", b"x")
        with pytest.raises(BucketExists) as refused:
            move(bucket.backend, "bucket", "taken")
        assert refused.value.owner == "somebody"
        with pytest.raises(BucketExists):
            move(bucket.backend, "bucket", "bucket")
        assert bucket.read("a") == b"x"

    def test_nothing_is_renamed_that_is_not_there(self, backend: Backend) -> None:
        with pytest.raises(BucketNotFound):
            run(backend.rename_bucket("none", "new"))
        assert run(backend.list_buckets()) == []

    def test_a_rename_changes_other_facts_in_the_same_step(self, bucket: SyncBucket) -> None:
        with pytest.raises(Forbidden):
            run(bucket.backend.rename_bucket("bucket", "new", forbid))
        assert run(bucket.backend.head_bucket("bucket")).tags == {}
        assert run(bucket.backend.rename_bucket("bucket", "new", tagged)).tags == {"a": "b"}
        assert run(bucket.backend.head_bucket("new")).tags == {"a": "b"}

    @pytest.mark.parametrize("size", [10, 1_500_000])
    def test_what_is_being_written_lands_in_the_renamed_bucket(
        self, bucket: SyncBucket, size: int
    ) -> None:
        content = pattern(size)

        async def write() -> ObjectInfo:
            begun, gate = asyncio.Event(), asyncio.Event()
            body = gated_body(content, begun, gate)
            put = asyncio.create_task(bucket.backend.put_object("bucket", "a", body, put_options()))
            await begun.wait()
            await bucket.backend.rename_bucket("bucket", "new")
            await bucket.backend.create_bucket("bucket", BucketOptions(OWNER))
            gate.set()
            return await put

        assert run(write()).size == size
        assert SyncBucket(bucket.backend, "new").read("a") == content
        with pytest.raises(ObjectNotFound):
            bucket.read("a")

    @needs(Capability.CHUNKS)
    def test_chunks_that_are_being_written_land_there_too(self, bucket: SyncBucket) -> None:
        content = pattern(1_500_000)
        options = replace(put_options(), chunks=Chunking(1, 400_000))

        async def write() -> None:
            begun, gate = asyncio.Event(), asyncio.Event()
            body = gated_body(content, begun, gate)
            put = asyncio.create_task(bucket.backend.put_object("bucket", "a", body, options))
            await begun.wait()
            await bucket.backend.rename_bucket("bucket", "new")
            gate.set()
            await put

        run(write())
        renamed = SyncBucket(bucket.backend, "new")
        assert renamed.read("a") == content
        assert renamed.rechunk("a", 1, 700_000)
        assert renamed.read("a") == content

    @needs(Capability.UPLOADS)
    def test_a_part_that_is_being_written_lands_there_too(self, bucket: SyncBucket) -> None:
        upload = bucket.begin("big")
        content = pattern(1_500_000)

        async def rename() -> None:
            await bucket.backend.rename_bucket("bucket", "new")

        run(rename())
        renamed = SyncBucket(bucket.backend, "new")
        renamed.put_part(upload, 1, content)
        renamed.complete(upload, 1)
        assert renamed.read("big") == content

    @needs(Capability.DISCARD_BUCKETS)
    @needs(Capability.BUCKETS_REVISION)
    def test_every_change_of_a_bucket_counts(self, backend: Backend) -> None:
        seen = [run(backend.buckets_revision())]

        def note() -> None:
            seen.append(run(backend.buckets_revision()))

        run(backend.create_bucket("a", BucketOptions(OWNER)))
        note()
        run(backend.update_bucket("a", tagged))
        note()
        run(backend.rename_bucket("a", "b"))
        note()
        run(backend.delete_bucket("b"))
        note()
        run(backend.create_bucket("c", BucketOptions(OWNER)))
        run(backend.discard_bucket("c"))
        note()
        assert seen[0] >= 1
        assert sorted(set(seen)) == seen

    @needs(Capability.BUCKETS_REVISION)
    def test_what_changes_nothing_does_not_count(self, bucket: SyncBucket) -> None:
        before = run(bucket.backend.buckets_revision())
        run(bucket.backend.update_bucket("bucket", lambda info: info))
        bucket.put("a")
        with pytest.raises(BucketExists):
            run(bucket.backend.create_bucket("bucket", BucketOptions(OWNER)))
        assert run(bucket.backend.buckets_revision()) == before

    @needs(Capability.VERSIONS)
    @needs(Capability.UPLOADS)
    @needs(Capability.DISCARD_BUCKETS)
    def test_a_discarded_bucket_is_gone_with_all_that_is_in_it(self, bucket: SyncBucket) -> None:
        bucket.set_versioning(Versioning.ENABLED)
        for name in NAMES:
            bucket.put(name, LARGE if name == NAMES[0] else b"x")
        bucket.delete(NAMES[1])
        bucket.upload_of("big", LARGE)
        run(bucket.backend.discard_bucket("bucket"))
        assert_gone(bucket.backend, "bucket")
        bucket.check_usage(buckets=0, objects=0, stored_bytes=0)

    @needs(Capability.DISCARD_BUCKETS)
    def test_the_name_of_a_discarded_bucket_is_free_at_once(self, bucket: SyncBucket) -> None:
        bucket.put_all(*NAMES)
        run(bucket.backend.discard_bucket("bucket"))
        run(bucket.backend.create_bucket("bucket", BucketOptions(OWNER)))
        assert bucket.names() == []
        bucket.put(NAMES[0], b"new")
        assert bucket.read(NAMES[0]) == b"new"

    @needs(Capability.DISCARD_BUCKETS)
    def test_nothing_is_discarded_that_is_not_there_or_is_held_back(
        self, bucket: SyncBucket
    ) -> None:
        bucket.put("a", b"x")
        with pytest.raises(BucketNotFound):
            run(bucket.backend.discard_bucket("none"))
        with pytest.raises(Forbidden):
            run(bucket.backend.discard_bucket("bucket", forbid))
        assert bucket.read("a") == b"x"

    @needs(Capability.DISCARD_BUCKETS)
    def test_what_is_being_written_to_a_discarded_bucket_is_refused(
        self, bucket: SyncBucket
    ) -> None:
        async def write() -> None:
            begun, gate = asyncio.Event(), asyncio.Event()
            body = gated_body(LARGE, begun, gate)
            put = asyncio.create_task(bucket.backend.put_object("bucket", "a", body, put_options()))
            await begun.wait()
            await bucket.backend.discard_bucket("bucket")
            await bucket.backend.create_bucket("bucket", BucketOptions(OWNER))
            gate.set()
            await put

        with pytest.raises(BucketNotFound):
            run(write())
        assert bucket.names() == []
