"""What every backend promises of unfinished uploads and their parts."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from storage.capabilities import Capability
from storage.errors import UploadNotFound
from storage.values import (
    Attributes,
    Checksum,
    ChecksumType,
    CompleteOptions,
    PartInfo,
    PartOptions,
    UploadInfo,
    UploadOptions,
    UploadQuery,
)
from tests.storage.bodies import body_of, broken_body, gated_body, pattern
from tests.storage.digests import (
    Md5Digest,
    RecordingDigest,
    Refused,
    SealRefusingDigest,
    md5_of,
)
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.needs import all_need
from tests.storage.sync_bucket import OWNER, SyncBucket, join_etags

RICH = UploadOptions(
    OWNER,
    Attributes({"content-type": "x/y"}, {"a": "b"}, {"t": "v"}, "GLACIER"),
    "SHA256",
    ChecksumType.COMPOSITE,
)


def upload_names(bucket: SyncBucket, query: UploadQuery) -> list[str]:
    return [info.name for info in bucket.uploads(query).uploads]


@all_need(Capability.UPLOADS)
class UploadContract:
    def test_an_upload_keeps_what_it_was_begun_with(
        self, bucket: SyncBucket, clock: FakeClock
    ) -> None:
        info = bucket.begin("a", RICH)
        assert (info.name, info.owner, info.initiated_ns) == ("a", OWNER, clock.now_ns())
        assert info.attributes == RICH.attributes
        assert (info.checksum_algorithm, info.checksum_type) == ("SHA256", ChecksumType.COMPOSITE)
        assert run(bucket.backend.head_upload("bucket", "a", info.id)) == info
        assert bucket.uploads().uploads == (info,)

    def test_appends_are_listed_apart(self, bucket: SyncBucket) -> None:
        """Names, markers and common prefixes of the ones tell nothing of the others."""
        options = UploadOptions(OWNER, kept_checksum="CRC32C", append=True, continues="etag")
        appends = [bucket.begin(name, options) for name in ("a", "a", "f/x", "g", "h/y")]
        others = [bucket.begin(name) for name in ("a", "f/x", "f/z", "k")]
        assert all(info.is_append for info in appends)
        assert {info.continues for info in appends} == {"etag"}
        assert not any(info.is_append for info in others)
        for asked, names in (
            (True, ["a", "a", "f/x", "g", "h/y"]),
            (False, ["a", "f/x", "f/z", "k"]),
        ):
            assert upload_names(bucket, UploadQuery(appends=asked)) == names
            after, marked = "", ""
            for name in names:
                query = UploadQuery(after=after, after_id=marked, limit=1, appends=asked)
                page = bucket.uploads(query)
                assert [info.name for info in page.uploads] == [name]
                after, marked = page.next_after or "", page.next_id
            assert after == ""
        rolled_up = bucket.uploads(UploadQuery(delimiter="/", appends=False))
        assert rolled_up.common_prefixes == ("f/",)
        rolled_up = bucket.uploads(UploadQuery(delimiter="/", appends=True))
        assert rolled_up.common_prefixes == ("f/", "h/")

    def test_every_upload_of_a_name_has_its_own_id(self, bucket: SyncBucket) -> None:
        ids = {bucket.begin("a").id for _ in range(20)}
        assert len(ids) == 20
        assert "" not in ids

    def test_an_unknown_upload_is_upload_not_found(self, bucket: SyncBucket) -> None:
        bucket.begin("a")
        self._assert_unknown(bucket, "a", "no-such-id")

    def test_an_upload_of_another_name_is_upload_not_found(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"one")
        self._assert_unknown(bucket, "b", upload.id)
        assert bucket.complete(upload, 1).size == 3

    def test_an_aborted_upload_is_upload_not_found(self, bucket: SyncBucket) -> None:
        upload = bucket.upload_of("a", b"one")
        bucket.abort(upload)
        self._assert_unknown(bucket, "a", upload.id)
        assert bucket.uploads().uploads == ()
        assert bucket.names() == []

    def test_abort_leaves_the_object_and_the_other_uploads(self, bucket: SyncBucket) -> None:
        bucket.put("a", b"old")
        first, second = bucket.upload_of("a", b"one"), bucket.upload_of("a", b"two")
        bucket.abort(first)
        assert bucket.read("a") == b"old"
        assert bucket.uploads().uploads == (second,)
        assert bucket.complete(second, 1).etag.endswith("-1")

    def _assert_unknown(self, bucket: SyncBucket, name: str, upload_id: str) -> None:
        backend = bucket.backend
        uses = (
            backend.head_upload("bucket", name, upload_id),
            backend.put_part("bucket", name, upload_id, 1, body_of(b"x"), PartOptions(Md5Digest())),
            backend.list_parts("bucket", name, upload_id),
            backend.complete_upload("bucket", name, upload_id, CompleteOptions((1,), join_etags)),
            backend.abort_upload("bucket", name, upload_id),
        )
        for use in uses:
            with pytest.raises(UploadNotFound):
                run(use)

    @pytest.mark.parametrize("size", [0, 1, 4097, 1_048_577])
    def test_a_part_tells_what_it_is(self, bucket: SyncBucket, clock: FakeClock, size: int) -> None:
        upload = bucket.begin("a")
        checksum = Checksum("CRC32", "AAAAAA==")
        body, digest = body_of(pattern(size)), Md5Digest(checksum)
        part = run(
            bucket.backend.put_part("bucket", "a", upload.id, 10_000, body, PartOptions(digest))
        )
        etag = md5_of(pattern(size))
        assert part == PartInfo(10_000, size, etag, clock.now_ns(), checksum)
        assert bucket.parts(upload) == [part]

    @pytest.mark.parametrize("blocks", [(), (b"", b"a"), (b"ab", b"c" * 70_000, b"", b"d")])
    def test_a_parts_digest_sees_every_byte_in_order(
        self, bucket: SyncBucket, blocks: tuple[bytes, ...]
    ) -> None:
        upload, digest = bucket.begin("a"), RecordingDigest()
        run(
            bucket.backend.put_part(
                "bucket", "a", upload.id, 1, body_of(*blocks), PartOptions(digest)
            )
        )
        assert (bytes(digest.seen), digest.seals) == (b"".join(blocks), 1)

    def test_a_part_uploaded_again_replaces_the_first(
        self, bucket: SyncBucket, clock: FakeClock
    ) -> None:
        upload = bucket.upload_of("a", pattern(100_000), b"two")
        clock.advance_s(3)
        again = bucket.put_part(upload, 1, b"one again")
        assert again.modified_ns == clock.now_ns()
        assert bucket.parts(upload)[0] == again
        assert len(bucket.parts(upload)) == 2
        bucket.complete(upload, 1, 2)
        assert bucket.read("a") == b"one againtwo"

    @pytest.mark.parametrize("size", [0, 200_000])
    def test_a_part_whose_body_breaks_leaves_the_old_part(
        self, bucket: SyncBucket, size: int
    ) -> None:
        upload = bucket.upload_of("a", b"one")
        before = bucket.parts(upload)
        for number in (1, 2):
            with pytest.raises(Refused, match="body"):
                run(
                    bucket.backend.put_part(
                        "bucket",
                        "a",
                        upload.id,
                        number,
                        broken_body(b"x" * size),
                        PartOptions(Md5Digest()),
                    )
                )
        assert bucket.parts(upload) == before

    def test_a_part_whose_digest_will_not_seal_is_refused(self, bucket: SyncBucket) -> None:
        upload, digest = bucket.begin("a"), SealRefusingDigest()
        with pytest.raises(Refused, match="seal"):
            run(
                bucket.backend.put_part(
                    "bucket", "a", upload.id, 1, body_of(b"x"), PartOptions(digest)
                )
            )
        assert bucket.parts(upload) == []

    def test_parts_may_come_at_once_and_in_any_order(self, bucket: SyncBucket) -> None:
        upload = bucket.begin("a")

        async def put_all() -> None:
            async with asyncio.TaskGroup() as tasks:
                for number in (3, 1, 5, 2, 4):
                    body = body_of(pattern(60_000 + number, number))
                    tasks.create_task(
                        bucket.backend.put_part(
                            "bucket", "a", upload.id, number, body, PartOptions(Md5Digest())
                        )
                    )

        run(put_all())
        assert [part.number for part in bucket.parts(upload)] == [1, 2, 3, 4, 5]
        bucket.complete(upload, 1, 2, 3, 4, 5)
        expected = b"".join(pattern(60_000 + number, number) for number in range(1, 6))
        assert bucket.read("a") == expected

    @pytest.mark.parametrize("size", [10, 200_000])
    def test_a_part_that_ends_after_the_abort_is_upload_not_found(
        self, bucket: SyncBucket, size: int
    ) -> None:
        upload = bucket.begin("a")

        async def abort_in_the_middle() -> None:
            begun, gate = asyncio.Event(), asyncio.Event()
            body = gated_body(pattern(size), begun, gate)
            put = asyncio.ensure_future(
                bucket.backend.put_part("bucket", "a", upload.id, 1, body, PartOptions(Md5Digest()))
            )
            await begun.wait()
            await bucket.backend.abort_upload("bucket", "a", upload.id)
            gate.set()
            with pytest.raises(UploadNotFound):
                await put

        run(abort_in_the_middle())
        assert bucket.uploads().uploads == ()

    def test_parts_are_listed_by_pages(self, bucket: SyncBucket) -> None:
        upload = bucket.begin("a")
        for number in (1, 2, 5, 10_000):
            bucket.put_part(upload, number, b"x")
        parts = tuple(bucket.parts(upload))

        def page(after: int, limit: int) -> tuple[tuple[PartInfo, ...], int | None]:
            listed = run(
                bucket.backend.list_parts("bucket", "a", upload.id, after=after, limit=limit)
            )
            return listed.parts, listed.next_after

        assert page(0, 2) == (parts[:2], 2)
        assert page(2, 2) == (parts[2:], None)
        assert page(3, 1) == (parts[2:3], 5)
        assert page(0, 4) == (parts, None)
        assert page(10_000, 4) == ((), None)
        assert page(0, 0) == ((), None)

    def test_a_new_upload_has_no_parts(self, bucket: SyncBucket) -> None:
        assert bucket.parts(bucket.begin("a")) == []

    def test_a_bucket_without_uploads_lists_none(self, bucket: SyncBucket) -> None:
        page = bucket.uploads()
        assert (page.uploads, page.common_prefixes, page.next_after) == ((), (), None)

    def test_uploads_are_listed_by_name_and_id(self, bucket: SyncBucket) -> None:
        begun = [bucket.begin(name) for name in ("b", "\uffff", "a", "b", "\U00010000", "b")]
        expected = sorted(begun, key=lambda info: (info.name.encode(), info.id))
        assert list(bucket.uploads().uploads) == expected

    @pytest.mark.parametrize("limit", [1, 2, 3, 5])
    @pytest.mark.parametrize("delimiter", ["", "/"])
    def test_pages_of_uploads_joined_are_the_listing_at_once(
        self, bucket: SyncBucket, delimiter: str, limit: int
    ) -> None:
        for name in ("a", "a", "a", "b/1", "b/2", "b/", "c", "c", "d/x"):
            bucket.begin(name)
        whole = bucket.uploads(UploadQuery(delimiter=delimiter))
        page = bucket.uploads(UploadQuery(delimiter=delimiter, limit=limit))
        uploads, prefixes = page.uploads, page.common_prefixes
        while page.next_after is not None:
            assert len(page.uploads) + len(page.common_prefixes) == limit
            page = bucket.uploads(UploadQuery("", delimiter, page.next_after, page.next_id, limit))
            uploads, prefixes = uploads + page.uploads, prefixes + page.common_prefixes
        assert (uploads, prefixes) == (whole.uploads, whole.common_prefixes)

    def test_uploads_behind_a_name_leave_out_all_of_that_name(self, bucket: SyncBucket) -> None:
        for name in ("a", "b", "b", "c"):
            bucket.begin(name)
        assert upload_names(bucket, UploadQuery(after="b")) == ["c"]
        assert upload_names(bucket, UploadQuery(after="aa")) == ["b", "b", "c"]

    def test_uploads_behind_a_name_and_id_keep_the_later_ids(self, bucket: SyncBucket) -> None:
        ids = sorted(bucket.begin("b").id for _ in range(3))
        bucket.begin("a")
        bucket.begin("c")
        behind = bucket.uploads(UploadQuery(after="b", after_id=ids[0])).uploads
        assert [(info.name, info.id) for info in behind[:2]] == [("b", ids[1]), ("b", ids[2])]
        assert [info.name for info in behind[2:]] == ["c"]
        last = upload_names(bucket, UploadQuery(after="b", after_id=ids[2]))
        assert last == ["c"]

    def test_an_id_without_a_name_is_no_marker(self, bucket: SyncBucket) -> None:
        upload = bucket.begin("a")
        assert bucket.uploads(UploadQuery(after_id=upload.id)).uploads == (upload,)

    def test_uploads_are_chosen_by_prefix_and_rolled_up(self, bucket: SyncBucket) -> None:
        for name in ("a", "b/1", "b/2/3", "b/2/4", "c"):
            bucket.begin(name)
        assert upload_names(bucket, UploadQuery("b/")) == ["b/1", "b/2/3", "b/2/4"]
        page = bucket.uploads(UploadQuery("b/", "/"))
        assert [info.name for info in page.uploads] == ["b/1"]
        assert page.common_prefixes == ("b/2/",)
        behind = bucket.uploads(UploadQuery("", "/", after="b/"))
        assert ([info.name for info in behind.uploads], behind.common_prefixes) == (["c"], ())

    def test_a_limit_of_no_uploads_gives_an_empty_last_page(self, bucket: SyncBucket) -> None:
        bucket.begin("a")
        page = bucket.uploads(UploadQuery(limit=0))
        assert (page.uploads, page.common_prefixes, page.next_after) == ((), (), None)

    def test_an_upload_does_not_change_by_its_parts(self, bucket: SyncBucket) -> None:
        upload: UploadInfo = bucket.begin("a", RICH)
        bucket.put_part(upload, 1, b"one")
        assert bucket.uploads().uploads == (msgspec.structs.replace(upload),)
