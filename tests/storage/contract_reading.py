"""What every backend promises of reading: ranges, parts, conditions, and bytes that stay."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing

import pytest

from storage.capabilities import Capability
from storage.errors import (
    NotModified,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from storage.ranges import Between, From, Last, PartNumber, Want
from storage.values import Condition, DeleteRequest, ObjectInfo, ReadOptions
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.event_loop import run
from tests.storage.needs import needs
from tests.storage.sync_bucket import SyncBucket, Tidy, put_options

BIG = 1_300_000
SATISFIABLE = (
    (Between(0, 1), 0, 1),
    (Between(0, BIG), 0, BIG),
    (Between(0, BIG + 1), 0, BIG),
    (Between(BIG - 1, BIG * 2), BIG - 1, BIG),
    (Between(65_535, 65_537), 65_535, 65_537),
    (Between(1, BIG - 1), 1, BIG - 1),
    (From(0), 0, BIG),
    (From(131_072), 131_072, BIG),
    (From(BIG - 1), BIG - 1, BIG),
    (Last(1), BIG - 1, BIG),
    (Last(BIG), 0, BIG),
    (Last(BIG + 1), 0, BIG),
    (PartNumber(1), 0, BIG),
)
UNSATISFIABLE = (From(5), From(6), Between(5, 6), Between(7, 9), Last(0))
OTHER = "0" * 32


IN_PARTS = [pytest.param(True, marks=needs(Capability.UPLOADS)), False]


class ReadingContract:
    def test_a_reader_may_choose_by_what_is_found(self, bucket: SyncBucket) -> None:
        put = bucket.put("a", pattern(BIG))
        seen: list[ObjectInfo] = []

        def choose(info: ObjectInfo) -> Want:
            seen.append(info)
            return Between(info.size - 9, info.size - 4)

        reading = run(bucket.backend.get_object(bucket.bucket, "a", ReadOptions(choose=choose)))
        assert run(content_of(reading)) == pattern(BIG)[-9:-4]
        assert reading.span == Between(BIG - 9, BIG - 4)
        assert [(info.name, info.size, info.etag) for info in seen] == [("a", BIG, put.etag)]

    def test_what_a_reader_raises_while_choosing_refuses_the_read(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"x")

        def choose(info: ObjectInfo) -> Want:
            raise PartNotFound(7)

        with pytest.raises(PartNotFound):
            run(bucket.backend.get_object(bucket.bucket, "a", ReadOptions(choose=choose)))

    def test_reading_nothing_is_object_not_found(self, bucket: SyncBucket) -> None:
        with pytest.raises(ObjectNotFound):
            bucket.reading("a")
        with pytest.raises(ObjectNotFound):
            bucket.head("a")

    @pytest.mark.parametrize("condition", [Condition(("*",)), Condition((), ("*",))])
    def test_reading_nothing_with_a_condition_is_object_not_found(
        self, bucket: SyncBucket, condition: Condition
    ) -> None:
        with pytest.raises(ObjectNotFound):
            bucket.reading("a", condition=condition)
        with pytest.raises(ObjectNotFound):
            bucket.head("a", condition=condition)

    @pytest.mark.parametrize("want", [None, Between(2, 4), From(4), Last(2), PartNumber(1)])
    @pytest.mark.parametrize("size", [5, BIG])
    def test_head_tells_what_get_tells_and_has_no_body(
        self, bucket: SyncBucket, size: int, want: Want | None
    ) -> None:
        bucket.put("a", pattern(size))
        got, content = bucket.reading("a", want)
        head = bucket.head("a", want)
        assert (head.info, head.span, head.body) == (got.info, got.span, b"")
        assert len(content) == len(got.span)

    @pytest.mark.parametrize(("want", "start", "stop"), SATISFIABLE)
    def test_a_range_is_cut_to_the_object(
        self, bucket: SyncBucket, want: Want, start: int, stop: int
    ) -> None:
        bucket.put("a", pattern(BIG))
        reading, content = bucket.reading("a", want)
        assert reading.span == Between(start, stop)
        assert reading.info.size == BIG
        assert content == pattern(BIG)[start:stop]

    @pytest.mark.parametrize("in_parts", IN_PARTS)
    @pytest.mark.parametrize("start", [0, 1, 524_287, 524_288, 524_289, 1_048_575, 1_048_576])
    def test_a_range_may_cross_any_border(
        self, bucket: SyncBucket, start: int, in_parts: bool
    ) -> None:
        content = pattern(1_100_000)
        if in_parts:
            bucket.put_in_parts("a", content[:300_000], content[300_000:])
        else:
            bucket.put("a", content)
        for length in (1, 2, 524_288, 524_289):
            want = Between(start, start + length)
            assert bucket.read("a", want) == content[start : start + length]

    @pytest.mark.parametrize(
        ("want", "content"),
        [
            (Between(1, 3), b"12"),
            (Between(3, 99), b"34"),
            (From(2), b"234"),
            (Last(2), b"34"),
            (Last(99), b"01234"),
        ],
    )
    def test_a_range_of_a_small_object(
        self, bucket: SyncBucket, want: Want, content: bytes
    ) -> None:
        bucket.put("a", b"01234")
        assert bucket.read("a", want) == content

    @pytest.mark.parametrize("want", UNSATISFIABLE)
    def test_a_range_behind_the_end_is_not_satisfiable(
        self, bucket: SyncBucket, want: Want
    ) -> None:
        bucket.put("a", b"01234")
        with pytest.raises(RangeNotSatisfiable) as by_get:
            bucket.reading("a", want)
        with pytest.raises(RangeNotSatisfiable) as by_head:
            bucket.head("a", want)
        assert (by_get.value.size, by_head.value.size) == (5, 5)

    @pytest.mark.parametrize("want", [Between(0, 1), From(0), Last(0)])
    def test_no_range_of_an_empty_object_is_satisfiable(
        self, bucket: SyncBucket, want: Want
    ) -> None:
        bucket.put("a", b"")
        with pytest.raises(RangeNotSatisfiable) as failed:
            bucket.reading("a", want)
        assert failed.value.size == 0

    @pytest.mark.parametrize("want", [None, PartNumber(1), Last(1), Last(5)])
    def test_an_empty_object_reads_whole(self, bucket: SyncBucket, want: Want | None) -> None:
        bucket.put("a", b"")
        reading, content = bucket.reading("a", want)
        assert (reading.span, content) == (Between(0, 0), b"")

    @needs(Capability.UPLOADS)
    def test_a_range_may_cross_parts(self, bucket: SyncBucket) -> None:
        one, two = pattern(100_000, 1), pattern(100_000, 2)
        bucket.put_in_parts("a", one, b"", two)
        assert bucket.read("a") == one + two
        assert bucket.read("a", Between(99_999, 100_001)) == one[-1:] + two[:1]
        assert bucket.read("a", Last(1)) == two[-1:]

    @needs(Capability.UPLOADS)
    def test_a_part_reads_by_its_number(self, bucket: SyncBucket) -> None:
        bucket.put_in_parts("a", b"one", pattern(100_000), b"three")
        reading, content = bucket.reading("a", PartNumber(3))
        assert (reading.span, content) == (Between(100_003, 100_008), b"three")
        assert bucket.read("a", PartNumber(1)) == b"one"
        assert bucket.read("a", PartNumber(2)) == pattern(100_000)
        assert reading.info.parts == 3

    @needs(Capability.UPLOADS)
    def test_a_part_keeps_the_number_it_was_uploaded_with(self, bucket: SyncBucket) -> None:
        upload = bucket.begin("a")
        for number, content in ((2, b"two"), (5, b"five"), (9, b"nine")):
            bucket.put_part(upload, number, content)
        bucket.complete(upload, 2, 9)
        assert bucket.read("a", PartNumber(9)) == b"nine"
        for number in (1, 5):
            with pytest.raises(PartNotFound):
                bucket.reading("a", PartNumber(number))

    @pytest.mark.parametrize("number", [2, 10_000])
    def test_an_object_written_whole_has_one_part_only(
        self, bucket: SyncBucket, number: int
    ) -> None:
        bucket.put("a", b"content")
        with pytest.raises(PartNotFound) as failed:
            bucket.reading("a", PartNumber(number))
        assert failed.value.number == number
        with pytest.raises(PartNotFound):
            bucket.head("a", PartNumber(number))

    @needs(Capability.UPLOADS)
    def test_a_part_behind_the_last_is_part_not_found(self, bucket: SyncBucket) -> None:
        bucket.put_in_parts("a", b"one", b"two")
        with pytest.raises(PartNotFound) as failed:
            bucket.reading("a", PartNumber(3))
        assert failed.value.number == 3

    def test_if_match_reads_the_object_it_names(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"x")
        assert bucket.read("a", condition=Condition(if_match=(info.etag,))) == b"x"
        assert bucket.read("a", condition=Condition(if_match=("*",))) == b"x"
        with pytest.raises(PreconditionFailed) as failed:
            bucket.reading("a", condition=Condition(if_match=(OTHER,)))
        assert failed.value.condition == "If-Match"

    def test_if_none_match_spares_the_reader_what_it_has(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"x")
        assert bucket.read("a", condition=Condition(if_none_match=(OTHER,))) == b"x"
        with pytest.raises(NotModified) as spared:
            bucket.reading("a", condition=Condition(if_none_match=(OTHER, info.etag)))
        assert (spared.value.etag, spared.value.modified_ns) == (info.etag, info.modified_ns)

    def test_head_checks_conditions_as_get_does(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"x")
        with pytest.raises(PreconditionFailed):
            bucket.head("a", condition=Condition(if_match=(OTHER,)))
        with pytest.raises(NotModified):
            bucket.head("a", condition=Condition(if_none_match=(info.etag,)))

    def test_times_are_compared_in_whole_seconds(self, bucket: SyncBucket) -> None:
        modified_s = bucket.put("a", b"x").modified_ns // 1_000_000_000
        with pytest.raises(NotModified):
            bucket.reading("a", condition=Condition(if_modified_since=modified_s))
        with pytest.raises(PreconditionFailed) as failed:
            bucket.reading("a", condition=Condition(if_unmodified_since=modified_s - 1))
        assert failed.value.condition == "If-Unmodified-Since"
        assert bucket.read("a", condition=Condition(if_modified_since=modified_s - 1)) == b"x"
        assert bucket.read("a", condition=Condition(if_unmodified_since=modified_s)) == b"x"

    def test_etags_decide_over_times(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"x")
        modified_s = info.modified_ns // 1_000_000_000
        kept = Condition(if_match=(info.etag,), if_unmodified_since=modified_s - 9)
        assert bucket.read("a", condition=kept) == b"x"
        changed = Condition(if_none_match=(OTHER,), if_modified_since=modified_s + 9)
        assert bucket.read("a", condition=changed) == b"x"

    def test_conditions_decide_over_ranges(self, bucket: SyncBucket) -> None:
        info = bucket.put("a", b"01234")
        with pytest.raises(PreconditionFailed):
            bucket.reading("a", From(99), Condition(if_match=(OTHER,)))
        with pytest.raises(NotModified):
            bucket.reading("a", PartNumber(99), Condition(if_none_match=(info.etag,)))

    @pytest.mark.parametrize("overwrite", [True, False])
    @pytest.mark.parametrize("in_parts", IN_PARTS)
    def test_an_open_object_reads_on_to_its_old_end(
        self, bucket: SyncBucket, tidy: Tidy, overwrite: bool, in_parts: bool
    ) -> None:
        old = self._put_old(bucket, in_parts=in_parts)

        async def change_under_the_reader() -> bytes:
            reading = await bucket.backend.get_object("bucket", "a")
            assert not isinstance(reading.body, bytes)
            async with aclosing(reading.body) as stream:
                begun = await anext(stream)
                await _replace_or_delete(bucket, overwrite=overwrite)
                tidy()
                return begun + b"".join([block async for block in stream])

        assert run(change_under_the_reader()) == old
        assert bucket.names() == (["a"] if overwrite else [])

    @pytest.mark.parametrize("overwrite", [True, False])
    @pytest.mark.parametrize("in_parts", IN_PARTS)
    def test_an_object_opened_but_not_begun_is_the_old_one(
        self, bucket: SyncBucket, tidy: Tidy, overwrite: bool, in_parts: bool
    ) -> None:
        self._put_old(bucket, in_parts=in_parts)

        async def change_before_the_first_block() -> bytes:
            reading = await bucket.backend.get_object("bucket", "a")
            await _replace_or_delete(bucket, overwrite=overwrite)
            tidy()
            return await content_of(reading)

        assert run(change_before_the_first_block()) == pattern(BIG)

    def _put_old(self, bucket: SyncBucket, *, in_parts: bool) -> bytes:
        old = pattern(BIG)
        if in_parts:
            bucket.put_in_parts("a", old[:100], old[100:700_000], old[700_000:])
        else:
            bucket.put("a", old)
        return old

    def test_many_may_read_at_once(self, bucket: SyncBucket) -> None:
        bucket.put("a", pattern(BIG))

        async def read_all() -> list[bytes]:
            readings = await asyncio.gather(
                *(bucket.backend.get_object("bucket", "a", ReadOptions(From(n))) for n in range(20))
            )
            return await asyncio.gather(*(content_of(reading) for reading in readings))

        assert run(read_all()) == [pattern(BIG)[n:] for n in range(20)]

    def test_a_reader_may_leave_early(self, bucket: SyncBucket) -> None:
        bucket.put("a", pattern(BIG))

        async def read_one_block() -> bytes:
            reading = await bucket.backend.get_object("bucket", "a")
            assert not isinstance(reading.body, bytes)
            async with aclosing(reading.body) as stream:
                return await anext(stream)

        begun = run(read_one_block())
        assert begun
        assert pattern(BIG).startswith(begun)
        assert bucket.delete("a") is True

    def test_readers_and_writers_see_one_object_or_the_other(self, bucket: SyncBucket) -> None:
        """The facts and the bytes of a reading always belong together."""
        contents = [pattern(100_000 * (seed + 1), seed) for seed in range(10)]
        bucket.put("a", contents[0])

        async def write(content: bytes) -> None:
            await bucket.backend.put_object("bucket", "a", body_of(content), put_options())

        async def read() -> tuple[ObjectInfo, bytes]:
            reading = await bucket.backend.get_object("bucket", "a")
            return reading.info, await content_of(reading)

        async def race() -> list[tuple[ObjectInfo, bytes]]:
            async with asyncio.TaskGroup() as tasks:
                readers = []
                for content in contents:
                    readers.append(tasks.create_task(read()))
                    tasks.create_task(write(content))
            return [reader.result() for reader in readers]

        for info, content in run(race()):
            assert content in contents
            assert len(content) == info.size

    def test_a_stream_waits_before_its_file_is_opened(self, bucket: SyncBucket) -> None:
        """What raises while it waits leaves nothing open, and a short body does not wait."""
        bucket.put("big", pattern(BIG))
        bucket.put("small", b"small")
        assert bucket.read("big") == pattern(BIG)
        meanwhile: list[int] = []
        before = _open_files()

        async def refuse() -> None:
            meanwhile.append(_open_files())
            raise InterruptedError

        options = ReadOptions(before_stream=refuse)

        async def read(name: str) -> bytes:
            return await content_of(await bucket.backend.get_object(bucket.bucket, name, options))

        assert run(read("small")) == b"small"
        with pytest.raises(InterruptedError):
            run(read("big"))
        assert (meanwhile, _open_files()) == ([before], before)


async def _replace_or_delete(bucket: SyncBucket, *, overwrite: bool) -> None:
    if overwrite:
        body = body_of(pattern(BIG, seed=9))
        await bucket.backend.put_object("bucket", "a", body, put_options())
    else:
        await bucket.backend.delete_object("bucket", DeleteRequest("a"))


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
