"""What every backend promises of objects in chunks: that nobody sees them who reads the bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from msgspec.structs import replace

from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.errors import (
    DeleteMarkerFound,
    ObjectChanged,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    VersionNotFound,
)
from storage.ranges import Between, Last, PartNumber
from storage.values import (
    Attributes,
    Checksum,
    Condition,
    LockMode,
    ObjectInfo,
    ObjectLock,
    PutOptions,
    Reading,
    ReadOptions,
    Retention,
    Versioning,
)
from tests.storage.bodies import body_of, broken_body, content_of, pattern
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
from tests.storage.needs import all_need, needs
from tests.storage.sync_bucket import SyncBucket, Tidy, put_options

BLOCK = 512 * 1024
SIZE = 1_300_000
BODY = pattern(SIZE)
# Below a block, around one and around what fits an encrypted one, and above.
CHUNK_SIZES = (100_000, BLOCK - 16, BLOCK - 1, BLOCK, BLOCK + 1, 600_000, SIZE - 1, SIZE)
RICH = Attributes({"content-type": "x/y"}, {"a": "b"}, {"t": "v"})


def chunked(limit: int, size: int, *, announced: int | None = None) -> PutOptions:
    return replace(put_options(), size=announced, chunks=Chunking(limit, size))


def cut(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]


def without_chunks(info: ObjectInfo) -> ObjectInfo:
    return msgspec.structs.replace(info, chunks=0, largest_chunk=0)


@all_need(Capability.CHUNKS)
class ChunksContract:
    @needs(Capability.UPLOADS)
    @pytest.mark.parametrize("size", CHUNK_SIZES)
    @pytest.mark.parametrize("announced", [SIZE, None])
    def test_an_object_in_chunks_looks_as_one_written_whole(
        self, bucket: SyncBucket, clock: FakeClock, size: int, announced: int | None
    ) -> None:
        whole = bucket.put("a", BODY)
        info = bucket.put("a", BODY, options=chunked(100_000, size, announced=announced))
        assert info.writes == whole.writes + 1
        assert without_chunks(info) == msgspec.structs.replace(whole, writes=2)
        assert (info.etag, info.parts) == (md5_of(BODY), 0)
        assert (info.chunks, info.largest_chunk) == (len(cut(SIZE, size)), min(size, SIZE))
        assert bucket.info("a") == info
        assert bucket.page().objects == (info,)
        assert bucket.read("a") == BODY
        assert bucket.parts_of("a") == []
        assert bucket.read("a", PartNumber(1)) == BODY
        with pytest.raises(PartNotFound):
            bucket.read("a", PartNumber(2))

    @needs(Capability.READ_MANY)
    @pytest.mark.parametrize("size", [1000, 300_000, BLOCK, BLOCK + 7])
    def test_a_range_may_cross_chunks(self, bucket: SyncBucket, size: int) -> None:
        bucket.put("a", BODY, options=chunked(1, size, announced=SIZE))
        for start in (0, 1, size - 1, size, size + 1, 2 * size - 1, SIZE - 1):
            for length in (1, 2, size, size + 1, 2 * size + 1):
                want = Between(start, start + length)
                assert bucket.read("a", want) == BODY[start : start + length]
        assert bucket.read("a", Last(size + 1)) == BODY[-size - 1 :]
        assert bucket.read_many(("a", Between(size - 1, size + 1))) == [BODY[size - 1 : size + 1]]

    @pytest.mark.parametrize("announce", [True, False])
    @pytest.mark.parametrize("limit", [1, 10, 50_000, 700_000])
    @pytest.mark.parametrize("difference", [-1, 0, 1])
    def test_the_limit_is_the_first_size_that_is_cut(
        self, bucket: SyncBucket, limit: int, difference: int, announce: bool
    ) -> None:
        content = pattern(limit + difference)
        announced = len(content) if announce else None
        info = bucket.put("a", content, options=chunked(limit, 40_000, announced=announced))
        assert bool(info.chunks) == (len(content) >= limit)
        assert bucket.read("a") == content
        assert info.etag == md5_of(content)

    def test_a_body_of_unknown_size_is_in_one_piece_up_to_the_limit(
        self, bucket: SyncBucket
    ) -> None:
        for size, count in ((499_999, 0), (500_000, 1), (500_001, 2), (600_001, 3)):
            info = bucket.put("a", BODY[:size], options=chunked(500_000, 100_000))
            assert info.chunks == count
            assert info.largest_chunk == (500_000 if count else 0)

    def test_nothing_is_kept_in_no_chunks(self, bucket: SyncBucket) -> None:
        for announced in (None, 0):
            info = bucket.put("a", b"", options=chunked(1, 1, announced=announced))
            assert (info.size, info.chunks) == (0, 0)

    @pytest.mark.parametrize("blocks", [[1] * 50, [49, 1], [7, 0, 43], [50]])
    def test_chunks_do_not_depend_on_the_blocks_of_the_body(
        self, bucket: SyncBucket, blocks: Sequence[int]
    ) -> None:
        content, start = pattern(50), 0
        pieces = []
        for size in blocks:
            pieces.append(content[start : start + size])
            start += size
        digest = RecordingDigest()
        options = replace(chunked(8, 8), digest=digest)
        put = bucket.backend.put_object("bucket", "a", body_of(*pieces), options)
        assert run(put).chunks == 7
        assert (bytes(digest.seen), digest.seals) == (content, 1)
        assert bucket.read("a") == content

    @pytest.mark.parametrize(
        "digest", [SealRefusingDigest(), UpdateRefusingDigest()], ids=["seal", "update"]
    )
    def test_a_refused_body_leaves_what_was_there(
        self, bucket: SyncBucket, digest: Md5Digest
    ) -> None:
        bucket.put("a", b"old")
        options = replace(chunked(1, 300_000, announced=SIZE), digest=digest)
        with pytest.raises(Refused):
            bucket.put("a", BODY, options=options)
        broken = broken_body(BODY[:700_000], BODY[700_000:])
        with pytest.raises(Refused):
            run(bucket.backend.put_object("bucket", "a", broken, chunked(1, 300_000)))
        condition = Condition(if_none_match=("*",))
        with pytest.raises(PreconditionFailed):
            bucket.put("a", BODY, options=replace(chunked(1, 300_000), condition=condition))
        assert bucket.read("a") == b"old"

    @needs(Capability.VERSIONS)
    @needs(Capability.RENAME_OBJECTS)
    def test_versions_each_have_their_own_chunks(self, bucket: SyncBucket, tidy: Tidy) -> None:
        bucket.set_versioning(Versioning.ENABLED)
        infos = [
            bucket.put("a", pattern(10_000, seed), options=chunked(5000, 1000 * seed + 1000))
            for seed in range(3)
        ]
        tidy()
        assert [info.chunks for info in infos] == [6, 4, 3]
        for seed, info in enumerate(infos):
            assert bucket.read_version("a", info.version) == pattern(10_000, seed)
            assert bucket.info("a", info.version) == info
        bucket.remove("a", infos[1].version)
        bucket.rename("a", "b")
        tidy()
        assert bucket.read("b") == pattern(10_000, 2)
        assert bucket.info("b").chunks == 3
        assert bucket.read_version("a", infos[0].version) == pattern(10_000, 0)

    # Cutting anew

    @needs(Capability.UPLOADS)
    @pytest.mark.parametrize("before", [10, 100_000, SIZE, SIZE + 1])
    @pytest.mark.parametrize("after", [10_000, 600_000, SIZE, SIZE + 1])
    def test_rechunking_changes_nothing_but_the_chunks(
        self, bucket: SyncBucket, clock: FakeClock, tidy: Tidy, before: int, after: int
    ) -> None:
        checksum = Checksum("CRC32", "AAAA")
        options = put_options(Md5Digest(checksum), RICH)
        chunks = Chunking(SIZE, before) if before <= SIZE else None
        if before == 10:
            bucket.put_in_parts("a", BODY[:100], BODY[100:])
        else:
            bucket.put("a", BODY, options=replace(options, size=SIZE, chunks=chunks))
        old, parts = bucket.info("a"), bucket.parts_of("a")
        clock.advance_s(5)
        limit = SIZE if after <= SIZE else SIZE + 1
        assert bucket.rechunk("a", limit, after) is (before != after)
        tidy()
        info = bucket.info("a")
        assert without_chunks(info) == without_chunks(old)
        assert info.chunks == (len(cut(SIZE, after)) if after <= SIZE else 0)
        assert info.largest_chunk == (after if after <= SIZE else 0)
        assert bucket.read("a") == BODY
        assert bucket.parts_of("a") == parts
        assert bucket.read("a", PartNumber(1)) == (BODY[:100] if parts else BODY)
        assert bucket.page().objects == (info,)
        assert not bucket.rechunk("a", limit, after)
        bucket.delete("a")
        tidy()

    @pytest.mark.parametrize("size", [0, 1, 100, 50_000])
    def test_small_objects_are_cut_and_put_together_again(
        self, bucket: SyncBucket, size: int
    ) -> None:
        content = pattern(size)
        old = bucket.put("a", content)
        assert bucket.rechunk("a", 1, 10_000) is (size > 0)
        assert bucket.info("a").chunks == len(cut(size, 10_000))
        assert bucket.read("a") == content
        assert bucket.rechunk("a", 1 << 40, 10_000) is (size > 0)
        assert bucket.info("a") == old
        assert bucket.read("a") == content

    @needs(Capability.UPLOADS)
    def test_an_upload_of_nothing_is_put_together(self, bucket: SyncBucket) -> None:
        old = bucket.put_in_parts("a", b"")
        bucket.rechunk("a", 1, 1)
        assert without_chunks(bucket.info("a")) == without_chunks(old)
        assert bucket.info("a").chunks == 0
        assert (bucket.read("a"), len(bucket.parts_of("a"))) == (b"", 1)

    @needs(Capability.UPLOADS)
    @needs(Capability.RENAME_OBJECTS)
    def test_the_parts_of_an_upload_outlive_two_rechunkings(
        self, bucket: SyncBucket, tidy: Tidy
    ) -> None:
        bucket.put_in_parts("a", pattern(100, 1), b"", pattern(200, 2))
        parts = bucket.parts_of("a")
        for limit, size in ((1, 7), (1 << 40, 7), (1, 150)):
            assert bucket.rechunk("a", limit, size)
            tidy()
            assert bucket.parts_of("a") == parts
            assert bucket.read("a", PartNumber(1)) == pattern(100, 1)
            assert bucket.read("a", PartNumber(3)) == pattern(200, 2)
            with pytest.raises(PartNotFound):
                bucket.read("a", PartNumber(4))
            assert bucket.info("a").parts == 3
        bucket.rename("a", "b")
        assert bucket.parts_of("b") == parts

    @needs(Capability.VERSIONS)
    def test_a_version_is_rechunked_by_its_id(self, bucket: SyncBucket, tidy: Tidy) -> None:
        bucket.set_versioning(Versioning.ENABLED)
        infos = [bucket.put("a", pattern(SIZE, seed)) for seed in range(3)]
        bucket.remove("a")
        assert bucket.rechunk("a", 1, 500_000, infos[1].version)
        tidy()
        for seed, info in enumerate(infos):
            assert bucket.read_version("a", info.version) == pattern(SIZE, seed)
            assert bucket.info("a", info.version).chunks == (3 if seed == 1 else 0)
        assert bucket.history("a")[1:] == [info.version for info in reversed(infos)]
        with pytest.raises(DeleteMarkerFound):
            bucket.rechunk("a", 1, 1)
        with pytest.raises(VersionNotFound):
            bucket.rechunk("a", 1, 1, "0" * 32)
        with pytest.raises(ObjectNotFound):
            bucket.rechunk("b", 1, 1)

    @needs(Capability.LOCKS)
    def test_a_locked_object_is_rechunked(self, bucket: SyncBucket) -> None:
        bucket.put("a", BODY)
        lock = ObjectLock(Retention(LockMode.COMPLIANCE, 1 << 62), legal_hold=True)
        bucket.lock("a", lock)
        assert bucket.rechunk("a", 1, 500_000)
        assert bucket.info("a").attributes.lock == lock
        assert bucket.read("a") == BODY

    def test_a_condition_must_hold(self, bucket: SyncBucket) -> None:
        bucket.put("a", BODY)
        options = ReadOptions(condition=Condition(if_match=("other",)))
        with pytest.raises(PreconditionFailed):
            run(bucket.backend.rechunk_object("bucket", "a", Chunking(1, 1), options))

    def test_an_object_may_be_read_while_it_is_rechunked(
        self, bucket: SyncBucket, tidy: Tidy
    ) -> None:
        bucket.put("a", BODY, options=chunked(1, 400_000, announced=SIZE))

        async def begin() -> Reading:
            return await bucket.backend.get_object("bucket", "a")

        readings = []
        for size in (300_000, 700_000, SIZE):
            readings.append(run(begin()))
            assert bucket.rechunk("a", 1, size)
            tidy()
        for reading in readings:
            assert run(content_of(reading)) == BODY

    def test_the_one_who_overwrites_wins(self, bucket: SyncBucket, tidy: Tidy) -> None:
        """Whichever comes first, the object is the new one, whole."""
        for seed in range(8):
            bucket.put("a", BODY)
            new = pattern(SIZE, seed + 1)

            async def race(new: bytes = new) -> tuple[object, object]:
                put = bucket.backend.put_object("bucket", "a", body_of(new), put_options())
                cutting = bucket.backend.rechunk_object("bucket", "a", Chunking(1, 200_000))
                return await asyncio.gather(put, cutting, return_exceptions=True)

            _, outcome = run(race())
            assert outcome is True or isinstance(outcome, ObjectChanged)
            tidy()
            assert bucket.read("a") == new

    def test_what_is_said_of_an_object_meanwhile_stays(self, bucket: SyncBucket) -> None:
        bucket.put("a", BODY)

        async def race() -> None:
            cutting = bucket.backend.rechunk_object("bucket", "a", Chunking(1, 200_000))
            update = bucket.backend.update_object("bucket", "a", lambda _: RICH)
            await asyncio.gather(cutting, update)

        run(race())
        info = bucket.info("a")
        assert (info.attributes, info.chunks) == (RICH, 7)

    def test_of_two_rechunkings_one_wins(self, bucket: SyncBucket, tidy: Tidy) -> None:
        bucket.put("a", BODY)

        async def race() -> list[object]:
            cuttings = [
                bucket.backend.rechunk_object("bucket", "a", Chunking(1, size))
                for size in (200_000, 300_000)
            ]
            return list(await asyncio.gather(*cuttings, return_exceptions=True))

        outcomes = run(race())
        assert True in outcomes
        assert all(each is True or isinstance(each, ObjectChanged) for each in outcomes)
        tidy()
        assert bucket.read("a") == BODY
        assert bucket.info("a").chunks in (5, 7)
