"""What every backend promises of completing an upload."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from storage.capabilities import Capability
from storage.errors import (
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    UploadNotFound,
)
from storage.values import (
    Attributes,
    Checksum,
    ChecksumType,
    CompleteOptions,
    Condition,
    ObjectInfo,
    PartInfo,
    PartOptions,
    Sealed,
    UploadInfo,
    UploadOptions,
)
from tests.storage.bodies import body_of, pattern
from tests.storage.digests import Md5Digest, Refused, md5_of
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.needs import all_need, needs
from tests.storage.sync_bucket import OWNER, SyncBucket, Tidy, join_etags

NEW = Condition(if_none_match=("*",))
RICH = Attributes({"content-type": "x/y"}, {"a": "b"}, {"t": "v"}, "GLACIER")


def refuse(upload: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
    raise Refused("assemble")


@all_need(Capability.UPLOADS)
class CompletionContract:
    @needs(Capability.CHUNKS)
    def test_a_whole_object_is_one_that_came_in_parts(
        self, bucket: SyncBucket, clock: FakeClock
    ) -> None:
        upload = bucket.upload_of("a", b"one", b"two")
        clock.advance_s(3)
        options = CompleteOptions((1, 2), lambda *_: Sealed("etag"), whole=True, modified_ns=7)
        done = bucket.backend.complete_upload(bucket.bucket, "a", upload.id, options)
        info = run(done)
        assert (info.parts, info.chunks, info.etag, info.modified_ns) == (0, 2, "etag", 7)
        assert bucket.info("a") == info
        assert bucket.parts_of("a") == []
        assert bucket.read("a") == b"onetwo"

    def test_a_completed_upload_is_an_object(self, bucket: SyncBucket, clock: FakeClock) -> None:
        upload = bucket.begin("a", UploadOptions(OWNER, RICH))
        bucket.put_part(upload, 1, b"one")
        bucket.put_part(upload, 2, b"two")
        clock.advance_s(3)
        checksum = Checksum("SHA256", "AAAA-2", ChecksumType.COMPOSITE)
        info = bucket.complete(upload, 1, 2, assemble=lambda *_: Sealed("etag-2", checksum))
        facts = ObjectInfo("a", 6, "etag-2", clock.now_ns(), RICH, checksum, 2)
        assert info == msgspec.structs.replace(facts, chunks=2, largest_chunk=3)
        assert bucket.info("a") == info
        assert bucket.read("a") == b"onetwo"

    def test_the_usual_etag_of_an_upload(self, bucket: SyncBucket) -> None:
        info = bucket.put_in_parts("a", b"one", b"two")
        parts = bytes.fromhex(md5_of(b"one")) + bytes.fromhex(md5_of(b"two"))
        assert info.etag == f"{md5_of(parts)}-2"

    def test_assemble_is_shown_the_upload_and_the_chosen_parts(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"one", b"two", b"three")
        expected = bucket.parts(upload)
        shown: list[tuple[UploadInfo, list[PartInfo]]] = []

        def assemble(info: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
            shown.append((info, list(parts)))
            return join_etags(info, parts)

        bucket.complete(upload, 1, 3, assemble=assemble)
        assert shown[-1] == (upload, [expected[0], expected[2]])

    def test_parts_not_chosen_are_left_out(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"one", pattern(100_000), b"three")
        info = bucket.complete(upload, 1, 3)
        assert (info.size, info.parts) == (8, 2)
        assert bucket.read("a") == b"onethree"
        assert [part.number for part in bucket.parts_of("a")] == [1, 3]

    def test_large_and_small_and_empty_parts_join(self, bucket: SyncBucket) -> None:
        contents = (pattern(200_000, 1), b"", b"x", pattern(4096, 2), pattern(300_000, 3))
        info = bucket.put_in_parts("a", *contents)
        assert info.size == sum(map(len, contents))
        assert bucket.read("a") == b"".join(contents)

    def test_an_upload_of_one_empty_part_is_an_empty_object(self, bucket: SyncBucket) -> None:
        info = bucket.put_in_parts("a", b"")
        assert (info.size, info.parts) == (0, 1)
        assert bucket.read("a") == b""

    def test_complete_replaces_the_object_of_the_name(self, bucket: SyncBucket) -> None:
        bucket.put("a", pattern(200_000))
        bucket.put_in_parts("a", b"new")
        assert bucket.read("a") == b"new"
        assert bucket.names() == ["a"]

    def test_complete_leaves_the_other_uploads_of_the_name(self, bucket: SyncBucket) -> None:
        first, second = bucket.upload_of("a", b"one"), bucket.upload_of("a", b"two")
        bucket.complete(first, 1)
        assert bucket.uploads().uploads == (second,)
        bucket.complete(second, 1)
        assert bucket.read("a") == b"two"

    def test_a_missing_part_is_part_not_found(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"one", b"two")
        with pytest.raises(PartNotFound) as failed:
            bucket.complete(upload, 1, 7, 8)
        assert failed.value.number == 7
        assert bucket.names() == []
        assert bucket.complete(upload, 1, 2).size == 6

    @pytest.mark.parametrize("exists", [True, False])
    def test_an_assembly_that_raises_leaves_everything_as_it_was(
        self, bucket: SyncBucket, exists: bool
    ) -> None:
        if exists:
            bucket.put("a", b"old")
        upload = bucket.upload_of("a", b"one", b"two")
        objects, parts = bucket.page(), bucket.parts(upload)
        with pytest.raises(Refused, match="assemble"):
            bucket.complete(upload, 1, 2, assemble=refuse)
        assert bucket.page() == objects
        assert bucket.parts(upload) == parts
        assert bucket.uploads().uploads == (upload,)
        assert bucket.complete(upload, 1, 2).size == 6

    def test_complete_checks_its_condition_and_may_be_tried_again(self, bucket: SyncBucket) -> None:
        old = bucket.put("a", b"old")
        upload = bucket.upload_of("a", b"new")
        with pytest.raises(PreconditionFailed):
            bucket.complete(upload, 1, condition=NEW)
        assert bucket.read("a") == b"old"
        bucket.complete(upload, 1, condition=Condition(if_match=(old.etag,)))
        assert bucket.read("a") == b"new"

    def test_complete_with_if_match_on_nothing_is_object_not_found(
        self, bucket: SyncBucket
    ) -> None:
        upload = bucket.upload_of("a", b"new")
        with pytest.raises(ObjectNotFound):
            bucket.complete(upload, 1, condition=Condition(if_match=("*",)))
        assert bucket.complete(upload, 1, condition=NEW).size == 3

    def test_repeating_a_completion_gives_the_same_facts(
        self, bucket: SyncBucket, clock: FakeClock
    ) -> None:
        upload = bucket.upload_of("a", b"one", b"two")
        first = bucket.complete(upload, 1, 2, condition=NEW)
        clock.advance_s(9)
        assert bucket.complete(upload, 1, 2, condition=NEW) == first
        assert bucket.info("a") == first
        assert bucket.names() == ["a"]

    @pytest.mark.parametrize("overwritten", [True, False])
    def test_repeating_a_completion_does_not_bring_the_object_back(
        self, bucket: SyncBucket, tidy: Tidy, overwritten: bool
    ) -> None:
        upload = bucket.upload_of("a", b"one")
        first = bucket.complete(upload, 1)
        if overwritten:
            bucket.put("a", b"newer")
        else:
            bucket.delete("a")
        tidy()
        objects = bucket.page()
        assert bucket.complete(upload, 1) == first
        assert bucket.page() == objects

    def test_of_many_completions_at_once_all_tell_the_same(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"one", b"two")
        options = CompleteOptions((1, 2), join_etags)

        async def complete_all() -> list[ObjectInfo]:
            return await asyncio.gather(
                *(
                    bucket.backend.complete_upload("bucket", "a", upload.id, options)
                    for _ in range(10)
                )
            )

        assert run(complete_all()) == [bucket.info("a")] * 10

    def test_a_completed_upload_is_no_longer_an_upload(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"one")
        bucket.complete(upload, 1)
        backend = bucket.backend
        uses = (
            backend.head_upload("bucket", "a", upload.id),
            backend.put_part("bucket", "a", upload.id, 1, body_of(b"x"), PartOptions(Md5Digest())),
            backend.list_parts("bucket", "a", upload.id),
            backend.abort_upload("bucket", "a", upload.id),
        )
        for use in uses:
            with pytest.raises(UploadNotFound):
                run(use)
        assert bucket.uploads().uploads == ()
        assert bucket.read("a") == b"one"

    def test_the_parts_of_a_finished_object_are_kept(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"one", b"two", b"three")
        parts = tuple(bucket.parts(upload))
        bucket.complete(upload, 1, 2, 3)
        assert tuple(bucket.parts_of("a")) == parts
        first = run(bucket.backend.list_object_parts("bucket", "a", limit=2))
        assert (first.parts, first.next_after) == (parts[:2], 2)
        rest = run(bucket.backend.list_object_parts("bucket", "a", after=2, limit=1))
        assert (rest.parts, rest.next_after) == (parts[2:], None)
        nothing = run(bucket.backend.list_object_parts("bucket", "a", limit=0))
        assert (nothing.parts, nothing.next_after) == ((), None)

    def test_an_object_written_whole_has_no_parts_to_list(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"x")
        assert bucket.parts_of("a") == []

    def test_the_parts_of_nothing_are_object_not_found(self, bucket: SyncBucket) -> None:
        with pytest.raises(ObjectNotFound):
            bucket.parts_of("a")
        bucket.upload_of("a", b"one")
        with pytest.raises(ObjectNotFound):
            bucket.parts_of("a")

    def test_a_completed_object_outlives_deleted_siblings(
        self, bucket: SyncBucket, tidy: Tidy
    ) -> None:
        """The bytes of a finished object do not belong to its upload's other parts."""
        upload = bucket.upload_of("a", pattern(100_000, 1), pattern(100_000, 2))
        bucket.put_part(upload, 1, pattern(90_000, 3))
        bucket.complete(upload, 1)
        other = bucket.upload_of("a", b"aborted")
        bucket.abort(other)
        tidy()
        assert bucket.read("a") == pattern(90_000, 3)
