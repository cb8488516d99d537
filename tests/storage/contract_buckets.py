"""What every backend promises of its buckets and of its counters."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from storage.backend import Backend
from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.errors import BucketExists, BucketNotEmpty, BucketNotFound, UploadNotFound
from storage.values import (
    BucketInfo,
    BucketOptions,
    CompleteOptions,
    DeleteRequest,
    ListQuery,
    ObjectInfo,
    PartOptions,
    UploadOptions,
    UploadQuery,
)
from tests.storage.bodies import body_of, broken_body
from tests.storage.digests import Md5Digest, Refused
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.needs import needs
from tests.storage.sync_bucket import OWNER, SyncBucket, join_etags, put_options


class BucketContract:
    def test_a_new_store_has_no_buckets(self, backend: Backend) -> None:
        assert run(backend.list_buckets()) == []

    def test_a_bucket_keeps_what_it_was_made_with(self, backend: Backend, clock: FakeClock) -> None:
        made = run(backend.create_bucket("b", BucketOptions(OWNER, "eu-west-1")))
        assert (made.name, made.owner, made.location) == ("b", OWNER, "eu-west-1")
        assert made.created_ns == clock.now_ns()
        assert run(backend.head_bucket("b")) == made
        assert run(backend.list_buckets()) == [made]

    def test_a_bucket_has_no_location_unless_asked(self, backend: Backend) -> None:
        assert run(backend.create_bucket("b", BucketOptions(OWNER))).location == ""

    def test_a_second_bucket_of_a_name_is_refused_with_its_owner(self, backend: Backend) -> None:
        first = run(backend.create_bucket("b", BucketOptions("first")))
        with pytest.raises(BucketExists) as refused:
            run(backend.create_bucket("b", BucketOptions("second")))
        assert refused.value.owner == "first"
        assert run(backend.head_bucket("b")) == first

    def test_buckets_are_listed_by_name(self, backend: Backend) -> None:
        for name in ("b", "a-b", "c", "a", "a.b"):
            run(backend.create_bucket(name, BucketOptions(OWNER)))
        listed = [info.name for info in run(backend.list_buckets())]
        assert listed == ["a", "a-b", "a.b", "b", "c"]

    def test_an_empty_bucket_can_be_deleted(self, backend: Backend) -> None:
        run(backend.create_bucket("b", BucketOptions(OWNER)))
        run(backend.delete_bucket("b"))
        with pytest.raises(BucketNotFound):
            run(backend.head_bucket("b"))
        assert run(backend.list_buckets()) == []

    def test_a_bucket_with_an_object_cannot_be_deleted(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"x")
        with pytest.raises(BucketNotEmpty):
            run(bucket.backend.delete_bucket("bucket"))
        assert bucket.read("a") == b"x"

    def test_a_bucket_emptied_again_can_be_deleted(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"x")
        bucket.delete("a")
        run(bucket.backend.delete_bucket("bucket"))
        assert run(bucket.backend.list_buckets()) == []

    @needs(Capability.UPLOADS)
    def test_a_bucket_with_uploads_only_can_be_deleted_and_they_go_with_it(
        self, bucket: SyncBucket
    ) -> None:
        upload = bucket.upload_of("a", b"part")
        run(bucket.backend.delete_bucket("bucket"))
        run(bucket.backend.create_bucket("bucket", BucketOptions(OWNER)))
        assert bucket.uploads().uploads == ()
        with pytest.raises(UploadNotFound):
            bucket.complete(upload, 1)

    def test_a_refused_deletion_of_a_bucket_harms_no_put(self, bucket: SyncBucket) -> None:
        """The bucket is never gone, so no writer may be told that it is."""
        bucket.put("a", b"x")
        names = [f"{number}" for number in range(40)]

        async def race() -> list[object]:
            works: list[Coroutine[None, None, object]] = []
            for name in names:
                works.append(bucket.backend.delete_bucket("bucket"))
                works.append(
                    bucket.backend.put_object("bucket", name, body_of(b"y"), put_options())
                )
            return await asyncio.gather(*works, return_exceptions=True)

        outcomes = run(race())
        assert {type(outcome) for outcome in outcomes[0::2]} == {BucketNotEmpty}
        assert {type(outcome) for outcome in outcomes[1::2]} == {ObjectInfo}
        assert bucket.names() == sorted([*names, "a"])

    def test_a_bucket_is_deleted_or_takes_the_object_never_both(self, bucket: SyncBucket) -> None:
        async def race() -> tuple[object, object]:
            return await asyncio.gather(
                bucket.backend.put_object("bucket", "a", body_of(b"y"), put_options()),
                bucket.backend.delete_bucket("bucket"),
                return_exceptions=True,
            )

        for _ in range(20):
            put, deleted = run(race())
            if isinstance(deleted, BucketNotEmpty):
                assert isinstance(put, ObjectInfo)
                assert bucket.delete("a") is True
            else:
                assert (deleted, type(put)) == (None, BucketNotFound)
                run(bucket.backend.create_bucket("bucket", BucketOptions(OWNER)))
                assert bucket.names() == []

    def test_of_many_creators_of_a_bucket_one_wins(self, backend: Backend) -> None:
        async def race() -> list[object]:
            return await asyncio.gather(
                *(backend.create_bucket("b", BucketOptions(f"{number}")) for number in range(10)),
                return_exceptions=True,
            )

        outcomes = run(race())
        winners = [outcome for outcome in outcomes if isinstance(outcome, BucketInfo)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, BucketExists)]
        assert (len(winners), len(refused)) == (1, 9)
        assert run(backend.list_buckets()) == winners
        assert {error.owner for error in refused} == {winners[0].owner}

    @needs(Capability.UPLOADS)
    def test_completed_uploads_go_with_their_bucket(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"part")
        bucket.complete(upload, 1)
        bucket.delete("a")
        run(bucket.backend.delete_bucket("bucket"))
        run(bucket.backend.create_bucket("bucket", BucketOptions(OWNER)))
        with pytest.raises(UploadNotFound):
            bucket.complete(upload, 1)

    def test_a_bucket_made_anew_is_empty_and_belongs_to_the_new_owner(
        self, bucket: SyncBucket
    ) -> None:
        run(bucket.backend.delete_bucket("bucket"))
        run(bucket.backend.create_bucket("bucket", BucketOptions("other")))
        assert run(bucket.backend.head_bucket("bucket")).owner == "other"
        assert bucket.names() == []

    def test_buckets_do_not_share_names(self, bucket: SyncBucket) -> None:
        run(bucket.backend.create_bucket("other", BucketOptions(OWNER)))
        other = SyncBucket(bucket.backend, "other")
        bucket.put("a", b"here")
        other.put("a", b"there")
        bucket.delete("a")
        assert other.read("a") == b"there"
        assert bucket.names() == []

    def test_deleting_a_missing_bucket_is_an_error(self, backend: Backend) -> None:
        with pytest.raises(BucketNotFound):
            run(backend.delete_bucket("none"))

    def test_reading_in_a_missing_bucket_is_bucket_not_found(self, backend: Backend) -> None:
        reads = (
            backend.head_bucket("none"),
            backend.list_objects("none", ListQuery()),
            backend.show_objects("none", ListQuery(), lambda page: page),
            backend.head_object("none", "a"),
            backend.get_object("none", "a"),
        )
        _assert_not_found(*reads)

    def test_writing_in_a_missing_bucket_is_bucket_not_found(self, backend: Backend) -> None:
        writes = (
            backend.put_object("none", "a", body_of(b"x"), put_options()),
            backend.update_object("none", "a", lambda old: old),
            backend.delete_object("none", DeleteRequest("a")),
            backend.delete_objects("none", [DeleteRequest("a")]),
        )
        _assert_not_found(*writes)

    @needs(Capability.UPLOADS)
    def test_an_upload_in_a_missing_bucket_is_bucket_not_found(self, backend: Backend) -> None:
        finish = CompleteOptions((1,), join_etags)
        _assert_not_found(
            backend.create_upload("none", "a", UploadOptions(OWNER)),
            backend.head_upload("none", "a", "id"),
            backend.put_part("none", "a", "id", 1, body_of(b"x"), PartOptions(Md5Digest())),
            backend.list_parts("none", "a", "id"),
            backend.complete_upload("none", "a", "id", finish),
            backend.abort_upload("none", "a", "id"),
            backend.list_uploads("none", UploadQuery()),
            backend.list_object_parts("none", "a"),
        )

    @needs(Capability.CHUNKS)
    def test_rechunking_in_a_missing_bucket_is_bucket_not_found(self, backend: Backend) -> None:
        _assert_not_found(backend.rechunk_object("none", "a", Chunking(1, 1)))

    @needs(Capability.USAGE)
    def test_an_empty_store_counts_nothing(self, backend: Backend) -> None:
        usage = run(backend.usage())
        assert (usage.buckets, usage.objects, usage.stored_bytes) == (0, 0, 0)
        assert 0 <= usage.free_bytes <= usage.capacity_bytes

    @needs(Capability.USAGE)
    @needs(Capability.UPLOADS)
    def test_usage_counts_buckets_objects_and_bytes(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"12345")
        bucket.put("b", b"123")
        bucket.put_in_parts("c", b"12", b"34")
        usage = run(bucket.backend.usage())
        assert (usage.buckets, usage.objects, usage.stored_bytes) == (1, 3, 12)

    @needs(Capability.USAGE)
    def test_usage_counts_an_overwritten_object_once(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"12345")
        bucket.put("a", b"1")
        usage = run(bucket.backend.usage())
        assert (usage.objects, usage.stored_bytes) == (1, 1)

    @needs(Capability.USAGE)
    def test_usage_forgets_the_deleted(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"12345")
        bucket.delete("a")
        run(bucket.backend.delete_bucket("bucket"))
        usage = run(bucket.backend.usage())
        assert (usage.buckets, usage.objects, usage.stored_bytes) == (0, 0, 0)

    @needs(Capability.USAGE)
    def test_usage_does_not_count_what_failed(self, bucket: SyncBucket) -> None:
        with pytest.raises(Refused):
            run(bucket.backend.put_object("bucket", "a", broken_body(b"xyz"), put_options()))
        usage = run(bucket.backend.usage())
        assert (usage.objects, usage.stored_bytes) == (0, 0)


def _assert_not_found(*calls: Coroutine[Any, Any, object]) -> None:
    for call in calls:
        with pytest.raises(BucketNotFound):
            run(call)
