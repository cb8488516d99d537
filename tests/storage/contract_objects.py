"""What every backend promises of writing, changing and deleting objects."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from storage.capabilities import Capability
from storage.errors import BucketNotFound, ObjectNotFound, PreconditionFailed
from storage.values import (
    Attributes,
    Checksum,
    ChecksumType,
    Condition,
    DeleteRequest,
    Deletion,
    ObjectInfo,
)
from tests.storage.bodies import body_of, broken_body, gated_body, meeting_body, pattern
from tests.storage.digests import (
    Md5Digest,
    RecordingDigest,
    Refused,
    SealRefusingDigest,
    UpdateRefusingDigest,
    md5_of,
)
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.needs import needs
from tests.storage.sync_bucket import SyncBucket, put_options

NEW = Condition(if_none_match=("*",))
ANY = Condition(if_match=("*",))
WRONG = Condition(if_match=("0" * 32,))

RICH = Attributes(
    headers={"content-type": "text/plain; charset=ütf", "cache-control": ""},
    custom={"a": "", "mode": "\N{GRINNING FACE} \t"},
    tags={"k e y": "value", "": "empty"},
    storage_class="GLACIER_IR",
)
SIZES = (0, 1, 4096, 32_768, 32_769, 65_537, 524_287, 524_288, 524_289, 1_048_576, 1_048_577)
CREATORS = 50


def retag(old: Attributes) -> Attributes:
    return msgspec.structs.replace(old, tags={"new": "tag"})


def refuse(old: Attributes) -> Attributes:
    raise Refused("change")


class ObjectContract:
    @pytest.mark.parametrize("size", SIZES)
    def test_an_object_reads_as_it_was_written(self, bucket: SyncBucket, size: int) -> None:
        content = pattern(size)
        info = bucket.put("a", content)
        assert (info.size, info.etag, info.parts) == (size, md5_of(content), 0)
        assert bucket.read("a") == content

    def test_put_returns_what_head_tells(self, bucket: SyncBucket, clock: FakeClock) -> None:
        checksum = Checksum("CRC32C", "AAAAAA==", ChecksumType.FULL_OBJECT)
        info = bucket.put("a", b"x", options=put_options(Md5Digest(checksum), RICH))
        assert info == ObjectInfo("a", 1, md5_of(b"x"), clock.now_ns(), RICH, checksum)
        assert bucket.info("a") == info

    def test_attributes_are_kept_byte_for_byte(self, bucket: SyncBucket) -> None:
        bucket.put("a", options=put_options(attributes=RICH))
        assert bucket.info("a").attributes == RICH

    @pytest.mark.parametrize(
        "blocks",
        [
            (),
            (b"",),
            (b"", b"a", b""),
            (b"abc", b"d" * 70_000, b"", b"e"),
            (b"x",) * 300,
            (b"a", b"b" * 1_300_000, b"c" * 524_288, b"d"),
        ],
    )
    def test_the_digest_sees_every_byte_in_order_however_split(
        self, bucket: SyncBucket, blocks: tuple[bytes, ...]
    ) -> None:
        digest = RecordingDigest()
        work = bucket.backend.put_object("bucket", "a", body_of(*blocks), put_options(digest))
        assert run(work).size == len(b"".join(blocks))
        assert bytes(digest.seen) == b"".join(blocks)
        assert digest.seals == 1
        assert bucket.read("a") == b"".join(blocks)

    @pytest.mark.parametrize("size", [0, 10, 200_000])
    def test_a_body_that_breaks_leaves_nothing(self, bucket: SyncBucket, size: int) -> None:
        digest = RecordingDigest()
        body = broken_body(pattern(size))
        with pytest.raises(Refused, match="body"):
            run(bucket.backend.put_object("bucket", "a", body, put_options(digest)))
        assert digest.seals == 0
        assert bucket.names() == []

    @pytest.mark.parametrize("size", [0, 10, 200_000])
    def test_a_body_that_breaks_leaves_the_old_object(self, bucket: SyncBucket, size: int) -> None:
        old = bucket.put("a", b"old")
        with pytest.raises(Refused, match="body"):
            run(bucket.backend.put_object("bucket", "a", broken_body(b"n" * size), put_options()))
        assert bucket.info("a") == old
        assert bucket.read("a") == b"old"

    @pytest.mark.parametrize("size", [0, 10, 200_000])
    def test_a_digest_that_will_not_seal_refuses_the_object(
        self, bucket: SyncBucket, size: int
    ) -> None:
        with pytest.raises(Refused, match="seal"):
            bucket.put("a", pattern(size), options=put_options(SealRefusingDigest()))
        assert bucket.names() == []

    @pytest.mark.parametrize("size", [10, 200_000])
    def test_a_digest_that_refuses_a_block_refuses_the_object(
        self, bucket: SyncBucket, size: int
    ) -> None:
        with pytest.raises(Refused, match="update"):
            bucket.put("a", pattern(size), options=put_options(UpdateRefusingDigest()))
        assert bucket.names() == []

    def test_an_object_shows_only_when_its_body_has_ended(self, bucket: SyncBucket) -> None:
        async def look_in_the_middle() -> None:
            begun, gate = asyncio.Event(), asyncio.Event()
            body = gated_body(b"new content", begun, gate)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(bucket.backend.put_object("bucket", "a", body, put_options()))
                await begun.wait()
                with pytest.raises(ObjectNotFound):
                    await bucket.backend.head_object("bucket", "a")
                gate.set()

        run(look_in_the_middle())
        assert bucket.read("a") == b"new content"

    def test_a_cancelled_put_leaves_nothing(self, bucket: SyncBucket) -> None:
        async def cancel_in_the_middle() -> None:
            begun, gate = asyncio.Event(), asyncio.Event()
            body = gated_body(pattern(200_000), begun, gate)
            put = asyncio.ensure_future(
                bucket.backend.put_object("bucket", "a", body, put_options())
            )
            await begun.wait()
            put.cancel()
            with pytest.raises(asyncio.CancelledError):
                await put

        run(cancel_in_the_middle())
        assert bucket.names() == []

    def test_a_put_whose_bucket_goes_meanwhile_fails(self, bucket: SyncBucket) -> None:
        async def delete_bucket_in_the_middle() -> None:
            begun, gate = asyncio.Event(), asyncio.Event()
            body = gated_body(b"content", begun, gate)
            put = asyncio.ensure_future(
                bucket.backend.put_object("bucket", "a", body, put_options())
            )
            await begun.wait()
            await bucket.backend.delete_bucket("bucket")
            gate.set()
            with pytest.raises(BucketNotFound):
                await put

        run(delete_bucket_in_the_middle())
        assert run(bucket.backend.list_buckets()) == []

    @pytest.mark.parametrize(("before", "after"), [(3, 200_000), (200_000, 3), (5, 0), (0, 5)])
    def test_a_put_replaces_bytes_facts_and_attributes(
        self, bucket: SyncBucket, clock: FakeClock, before: int, after: int
    ) -> None:
        bucket.put("a", pattern(before), options=put_options(attributes=RICH))
        clock.advance_s(7)
        new = bucket.put("a", pattern(after, seed=1))
        assert new.modified_ns == clock.now_ns()
        assert bucket.info("a") == new
        assert new.attributes == Attributes()
        assert bucket.read("a") == pattern(after, seed=1)
        assert bucket.names() == ["a"]

    @needs(Capability.UPLOADS)
    def test_an_object_in_parts_is_replaced_by_one_written_whole(self, bucket: SyncBucket) -> None:
        bucket.put_in_parts("a", b"one", b"two")
        bucket.put("a", b"three")
        assert bucket.info("a").parts == 0
        assert bucket.parts_of("a") == []

    def test_if_none_match_creates_but_does_not_overwrite(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"first", options=put_options(condition=NEW))
        with pytest.raises(PreconditionFailed) as failed:
            bucket.put("a", b"second", options=put_options(condition=NEW))
        assert failed.value.condition == "If-None-Match"
        assert bucket.read("a") == b"first"

    def test_if_none_match_creates_again_after_a_delete(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"first")
        bucket.delete("a")
        bucket.put("a", b"second", options=put_options(condition=NEW))
        assert bucket.read("a") == b"second"

    @pytest.mark.parametrize("size", [10, 100_000])
    def test_of_many_creators_exactly_one_wins(self, bucket: SyncBucket, size: int) -> None:
        async def create_all() -> list[ObjectInfo | BaseException]:
            barrier = asyncio.Barrier(CREATORS)
            options = [put_options(condition=NEW) for _ in range(CREATORS)]
            return await asyncio.gather(
                *(
                    bucket.backend.put_object(
                        "bucket", "a", meeting_body(pattern(size, seed), barrier), options[seed]
                    )
                    for seed in range(CREATORS)
                ),
                return_exceptions=True,
            )

        outcomes = run(create_all())
        winners = [seed for seed, each in enumerate(outcomes) if isinstance(each, ObjectInfo)]
        failed = [each for each in outcomes if isinstance(each, PreconditionFailed)]
        assert (len(winners), len(failed)) == (1, CREATORS - 1)
        assert bucket.read("a") == pattern(size, winners[0])

    def test_if_match_is_checked_when_the_body_has_ended(self, bucket: SyncBucket) -> None:
        old = bucket.put("a", b"old")
        options = put_options(condition=Condition(if_match=(old.etag,)))

        async def overwrite_in_the_middle() -> None:
            begun, gate = asyncio.Event(), asyncio.Event()
            body = gated_body(b"late", begun, gate)
            put = asyncio.ensure_future(bucket.backend.put_object("bucket", "a", body, options))
            await begun.wait()
            await bucket.backend.put_object("bucket", "a", body_of(b"new"), put_options())
            gate.set()
            with pytest.raises(PreconditionFailed):
                await put

        run(overwrite_in_the_middle())
        assert bucket.read("a") == b"new"

    def test_if_match_overwrites_the_object_it_names(self, bucket: SyncBucket) -> None:
        old = bucket.put("a", b"old")
        condition = Condition(if_match=("other", old.etag))
        bucket.put("a", b"new", options=put_options(condition=condition))
        assert bucket.read("a") == b"new"

    def test_if_match_of_another_etag_fails(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"old")
        with pytest.raises(PreconditionFailed) as failed:
            bucket.put("a", b"new", options=put_options(condition=WRONG))
        assert failed.value.condition == "If-Match"
        assert bucket.read("a") == b"old"

    @pytest.mark.parametrize("condition", [ANY, WRONG])
    def test_if_match_on_nothing_is_object_not_found(
        self, bucket: SyncBucket, condition: Condition
    ) -> None:
        with pytest.raises(ObjectNotFound):
            bucket.put("a", b"new", options=put_options(condition=condition))
        assert bucket.names() == []

    def test_delete_tells_whether_there_was_one(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"x")
        assert bucket.delete("a") is True
        assert bucket.delete("a") is False
        assert bucket.names() == []
        with pytest.raises(ObjectNotFound):
            bucket.read("a")

    def test_delete_with_the_right_etag_deletes(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"x")
        assert bucket.delete("a", Condition(if_match=(info.etag,))) is True
        assert bucket.names() == []

    def test_delete_with_another_etag_fails(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"x")
        with pytest.raises(PreconditionFailed):
            bucket.delete("a", WRONG)
        assert bucket.read("a") == b"x"

    @pytest.mark.parametrize("condition", [ANY, WRONG, NEW])
    def test_delete_with_a_condition_on_nothing_is_object_not_found(
        self, bucket: SyncBucket, condition: Condition
    ) -> None:
        with pytest.raises(ObjectNotFound):
            bucket.delete("a", condition)
        assert bucket.names() == []

    def test_a_condition_that_says_nothing_deletes_as_none_does(self, bucket: SyncBucket) -> None:
        assert bucket.delete("a", Condition()) is False

    def test_delete_objects_answers_each_request_in_its_place(self, bucket: SyncBucket) -> None:
        bucket.put_all("a", "b", "c", "d")
        wrong_b = DeleteRequest("b", WRONG)
        requests = (DeleteRequest("a"), wrong_b, DeleteRequest("none"), DeleteRequest("d", ANY))
        first, second, third, fourth = bucket.delete_many(*requests)
        assert (first, third, fourth) == (Deletion(True), Deletion(False), Deletion(True))
        assert isinstance(second, PreconditionFailed)
        assert bucket.names() == ["b", "c"]

    def test_delete_objects_with_a_condition_on_nothing_is_object_not_found(
        self, bucket: SyncBucket
    ) -> None:
        (answer,) = bucket.delete_many(DeleteRequest("a", ANY))
        assert isinstance(answer, ObjectNotFound)

    def test_delete_objects_may_name_one_twice(self, bucket: SyncBucket) -> None:
        bucket.put_all("a")
        assert bucket.delete_many(DeleteRequest("a"), DeleteRequest("a")) == [
            Deletion(True),
            Deletion(False),
        ]
        assert bucket.names() == []

    def test_delete_objects_takes_a_thousand_and_none(self, bucket: SyncBucket) -> None:
        bucket.put_all("a", "b")
        requests = [DeleteRequest(f"none-{number}") for number in range(999)]
        expected = [Deletion(False)] * 999 + [Deletion(True)]
        assert bucket.delete_many(*requests, DeleteRequest("a")) == expected
        assert bucket.delete_many() == []
        assert bucket.names() == ["b"]

    @pytest.mark.parametrize("size", [3, 200_000])
    def test_update_replaces_the_attributes_only(
        self, bucket: SyncBucket, clock: FakeClock, size: int
    ) -> None:
        old = bucket.put("a", pattern(size), options=put_options(attributes=RICH))
        clock.advance_s(5)
        new = bucket.update("a", retag)
        assert new == msgspec.structs.replace(old, attributes=retag(RICH))
        assert bucket.info("a") == new
        assert bucket.read("a") == pattern(size)

    def test_update_with_touch_sets_the_time(self, bucket: SyncBucket, clock: FakeClock) -> None:
        old = bucket.put("a", b"x")
        clock.advance_s(5)
        new = bucket.update("a", retag, touch=True)
        assert new.modified_ns == clock.now_ns() > old.modified_ns
        assert bucket.info("a") == new

    @needs(Capability.UPLOADS)
    def test_update_keeps_the_parts(self, bucket: SyncBucket) -> None:
        bucket.put_in_parts("a", b"one", b"two")
        parts = bucket.parts_of("a")
        bucket.update("a", retag)
        assert bucket.parts_of("a") == parts
        assert bucket.read("a") == b"onetwo"

    def test_update_of_nothing_is_object_not_found(self, bucket: SyncBucket) -> None:
        with pytest.raises(ObjectNotFound):
            bucket.update("a", retag)
        assert bucket.names() == []

    def test_update_checks_its_condition(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"x")
        with pytest.raises(PreconditionFailed):
            bucket.update("a", retag, condition=WRONG, touch=True)
        assert bucket.info("a") == info
        updated = bucket.update("a", retag, condition=Condition(if_match=(info.etag,)))
        assert updated.attributes.tags == {"new": "tag"}

    def test_a_change_that_raises_changes_nothing(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"x")
        with pytest.raises(Refused, match="change"):
            bucket.update("a", refuse, touch=True)
        assert bucket.info("a") == info
