"""What the contract leaves open over Cloud Storage: attributes, large bodies, generations."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from storage.backend import Backend
from storage.backends.gcp import GcpBackend, sums
from storage.errors import (
    BackendError,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    VersionNotFound,
)
from storage.ranges import Between, Last, PartNumber
from storage.values import (
    Attributes,
    BucketInfo,
    BucketOptions,
    Checksum,
    Condition,
    DeleteRequest,
    Deletion,
    Encryption,
    ListQuery,
    ObjectInfo,
    ObjectLock,
    Still,
    UploadOptions,
    Versioning,
)
from tests.storage.aws.remotes import Prefixed
from tests.storage.bodies import broken_body, gated_body, meeting_body, pattern
from tests.storage.contract_listing import DELIMITERS, LONGEST, ODD_NAMES, TREE, page_by_page
from tests.storage.digests import Md5Digest, RecordingDigest, Refused, SealRefusingDigest, md5_of
from tests.storage.event_loop import run
from tests.storage.gcp.remotes import cloud_storage, options_for
from tests.storage.sync_bucket import OWNER, SyncBucket, put_options

PIECE = 256 << 10
SAID = Attributes(
    headers={
        "cache-control": "max-age=60",
        "content-disposition": 'attachment; filename="ü.txt"',
        "content-encoding": "identity",
        "content-language": "de",
        "content-type": "text/plain; charset=utf-8",
    },
    custom={"a": "", "mode": "\N{GRINNING FACE} ü", "epoch": "7"},
    storage_class="NEARLINE",
)
PLAIN = Attributes(headers={"content-type": "application/octet-stream"})
NEW = Condition(if_none_match=("*",))
NAMES = [name for name in ODD_NAMES if name not in (".", "..", "\t\n\r")]


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcpBackend]:
    with cloud_storage(tmp_path_factory.mktemp("cloud")) as endpoint:
        backend = GcpBackend(options_for(endpoint, piece_bytes=PIECE))
        yield backend
        run(backend.aclose())


@pytest.fixture
def backend(inner: GcpBackend) -> Any:
    return Prefixed(inner)


def updated(old: Attributes) -> Attributes:
    headers = {"content-type": "x/y", "cache-control": "no-store"}
    return replace(old, headers=headers, custom={"mode": "new", "b": "c"})


# Attributes


@pytest.mark.parametrize("size", [3, 2 * PIECE + 1])
def test_attributes_are_kept_and_said_by_put_head_get_and_listing(
    bucket: SyncBucket, size: int
) -> None:
    content = pattern(size)
    put = bucket.put("a", content, options=put_options(attributes=SAID))
    crc32c = Checksum("CRC32C", sums.shown(sums.add(content)))
    facts = ObjectInfo("a", size, md5_of(content), put.modified_ns, SAID, crc32c)
    assert put == replace(facts, version=put.version)
    assert put.version.isdecimal()
    assert bucket.info("a") == put
    assert bucket.reading("a")[0].info == put
    assert bucket.page().objects == (put,)


def test_a_put_replaces_attributes(bucket: SyncBucket) -> None:
    old = bucket.put("a", b"old", options=put_options(attributes=SAID))
    new = bucket.put("a", b"new")
    assert new.attributes == PLAIN
    assert int(new.version) > int(old.version)
    assert bucket.info("a") == new


@pytest.mark.parametrize("size", [3, 2 * PIECE + 1])
def test_update_replaces_the_attributes_only(bucket: SyncBucket, size: int) -> None:
    old = bucket.put("a", pattern(size), options=put_options(attributes=SAID))
    new = bucket.update("a", updated)
    assert new == replace(old, attributes=updated(SAID))
    assert bucket.info("a") == new
    assert bucket.read("a") == pattern(size)


def test_an_update_that_changes_nothing_is_none(bucket: SyncBucket) -> None:
    old = bucket.put("a", b"x", options=put_options(attributes=SAID))
    assert bucket.update("a", lambda attributes: attributes) == old


@pytest.mark.parametrize("size", [3, (1 << 20) + 1])
def test_touch_makes_a_new_generation_with_all_that_was_said(bucket: SyncBucket, size: int) -> None:
    """A large object takes more than one request."""
    old = bucket.put("a", pattern(size), options=put_options(attributes=SAID))
    new = bucket.update("a", updated, touch=True)
    assert int(new.version) > int(old.version)
    assert new.modified_ns >= old.modified_ns
    assert new.attributes == updated(SAID)
    assert bucket.info("a") == new
    assert bucket.read("a") == pattern(size)


def test_a_new_storage_class_is_a_new_generation(bucket: SyncBucket) -> None:
    old = bucket.put("a", b"x", options=put_options(attributes=SAID))
    new = bucket.update("a", lambda said: replace(said, storage_class="STANDARD"))
    assert new.attributes.storage_class == "STANDARD"
    assert new.version != old.version


def test_update_checks_its_condition(bucket: SyncBucket) -> None:
    old = bucket.put("a", b"x")
    with pytest.raises(PreconditionFailed):
        bucket.update("a", updated, condition=Condition(if_match=("0" * 32,)))
    assert bucket.info("a") == old
    bucket.update("a", updated, condition=Condition(if_match=(old.etag,)))


def test_of_many_changes_at_once_none_is_lost(bucket: SyncBucket) -> None:
    bucket.put("a", b"x")

    def adding(name: str) -> Any:
        def change(old: Attributes) -> Attributes:
            return replace(old, custom={**old.custom, name: "1"})

        return bucket.backend.update_object("bucket", "a", change)

    async def change_all() -> None:
        await asyncio.gather(adding("b"), adding("c"))

    run(change_all())
    assert bucket.info("a").attributes.custom == {"b": "1", "c": "1"}


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(tags={"a": "b"}),
        Attributes(lock=ObjectLock(legal_hold=True)),
        Attributes(encryption=Encryption("AES256", b"")),
        Attributes(storage_class="GLACIER"),
        Attributes(headers={"expires": "Wed, 21 Oct 2037 07:28:00 GMT"}),
        Attributes(headers={"x-amz-website-redirect-location": "/b"}),
    ],
)
def test_what_would_get_lost_is_refused(bucket: SyncBucket, attributes: Attributes) -> None:
    with pytest.raises(NotSupported):
        bucket.put("a", b"x", options=put_options(attributes=attributes))
    with pytest.raises(NotSupported):
        bucket.begin("a", UploadOptions(OWNER, attributes))
    old = bucket.put("a", b"x")
    with pytest.raises(NotSupported):
        bucket.update("a", lambda _: attributes)
    assert bucket.info("a") == old


# Names


def test_any_name_that_it_takes_is_kept_as_it_is(bucket: SyncBucket) -> None:
    for name in (*NAMES, *LONGEST):
        assert bucket.put(name, name.encode()).name == name
        assert bucket.read(name) == name.encode()
        assert bucket.names() == [name]
        assert bucket.put_in_parts(name, b"parts").name == name
        assert bucket.read(name) == b"parts"
        assert bucket.delete(name) is True


def test_odd_names_are_all_different_and_in_byte_order(bucket: SyncBucket) -> None:
    bucket.put_all(*NAMES, *LONGEST)
    assert bucket.names() == sorted([*NAMES, *LONGEST], key=str.encode)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_pages_joined_are_the_listing_at_once(bucket: SyncBucket, delimiter: str) -> None:
    bucket.put_all(*NAMES, *TREE)
    for prefix in ("", "a", "/"):
        query = ListQuery(prefix, delimiter, limit=3)
        whole = bucket.page(ListQuery(prefix, delimiter))
        pages = page_by_page(bucket, query)
        assert sum((page.objects for page in pages), ()) == whole.objects
        assert sum((page.common_prefixes for page in pages), ()) == whole.common_prefixes


@pytest.mark.parametrize("name", [".", "..", "a\nb", "a\r", "x" * 1025])
def test_a_name_that_it_does_not_take_is_refused_and_not_found(
    bucket: SyncBucket, name: str
) -> None:
    with pytest.raises(NotSupported):
        bucket.put(name, b"x")
    with pytest.raises(NotSupported):
        bucket.begin(name)
    with pytest.raises(ObjectNotFound):
        bucket.read(name)
    with pytest.raises(ObjectNotFound):
        bucket.info(name)
    assert bucket.delete(name) is False
    assert bucket.delete_many(DeleteRequest(name)) == [Deletion(False)]


def test_behind_the_last_common_prefix_that_can_be_is_nothing(bucket: SyncBucket) -> None:
    last = "\U0010ffff"
    bucket.put_all("a", f"{last}a")
    page = bucket.page(ListQuery(delimiter=last))
    assert page.common_prefixes == (last,)
    assert bucket.page(ListQuery(delimiter=last, after=last)).objects == ()
    bucket.put_all(f"a{last}b", "b")
    behind = bucket.page(ListQuery(delimiter=last, after=f"a{last}"))
    assert [info.name for info in behind.objects] == ["b"]


# Bodies


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
def test_a_body_in_pieces_is_one_object_with_its_md5(bucket: SyncBucket, size: int) -> None:
    digest = RecordingDigest()
    info = bucket.put("a", pattern(size), options=put_options(digest))
    assert (info.size, info.etag, info.parts) == (size, md5_of(pattern(size)), 0)
    assert bytes(digest.seen) == pattern(size)
    assert bucket.read("a") == pattern(size)


@pytest.mark.parametrize("size", [PIECE + 1, 3 * PIECE])
def test_a_body_in_pieces_that_breaks_leaves_the_old_object(bucket: SyncBucket, size: int) -> None:
    old = bucket.put("a", b"old")
    with pytest.raises(Refused, match="body"):
        run(bucket.backend.put_object("bucket", "a", broken_body(pattern(size)), put_options()))
    with pytest.raises(Refused, match="seal"):
        bucket.put("a", pattern(size), options=put_options(SealRefusingDigest()))
    assert bucket.info("a") == old


def test_a_body_in_pieces_that_is_cancelled_leaves_nothing(bucket: SyncBucket) -> None:
    async def cancel_in_the_middle() -> None:
        begun, gate = asyncio.Event(), asyncio.Event()
        body = gated_body(pattern(5 * PIECE), begun, gate)
        put = asyncio.ensure_future(bucket.backend.put_object("bucket", "a", body, put_options()))
        await begun.wait()
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put

    run(cancel_in_the_middle())
    assert bucket.names() == []


def test_of_many_creators_in_pieces_exactly_one_wins(bucket: SyncBucket) -> None:
    async def create_all() -> list[ObjectInfo | BaseException]:
        barrier = asyncio.Barrier(10)
        return await asyncio.gather(
            *(
                bucket.backend.put_object(
                    "bucket",
                    "a",
                    meeting_body(pattern(2 * PIECE, seed), barrier),
                    put_options(condition=NEW),
                )
                for seed in range(10)
            ),
            return_exceptions=True,
        )

    outcomes = run(create_all())
    winners = [seed for seed, each in enumerate(outcomes) if isinstance(each, ObjectInfo)]
    failed = [each for each in outcomes if isinstance(each, PreconditionFailed)]
    assert (len(winners), len(failed)) == (1, 9)
    assert {error.condition for error in failed} == {"If-None-Match"}
    assert bucket.read("a") == pattern(2 * PIECE, winners[0])


def test_a_sealed_checksum_goes_along_and_is_verified(bucket: SyncBucket) -> None:
    right = Checksum("CRC32C", sums.shown(sums.add(b"content")))
    assert bucket.put("a", b"content", options=put_options(Md5Digest(right))).checksum == right
    wrong = put_options(Md5Digest(Checksum("CRC32C", "AAAAAA==")))
    with pytest.raises(BackendError, match="CRC32C"):
        bucket.put("b", b"content", options=wrong)
    assert bucket.names() == ["a"]


def test_what_is_stored_compressed_is_read_as_it_is_stored(bucket: SyncBucket) -> None:
    """Ranges too: they are of the stored bytes."""
    packed = gzip.compress(pattern(1_000_000, seed=3) + bytes(range(256)) * 999)
    said = Attributes(headers={"content-encoding": "gzip", "content-type": "text/plain"})
    info = bucket.put("a", packed, options=put_options(attributes=said))
    assert (info.size, info.etag) == (len(packed), md5_of(packed))
    assert bucket.read("a") == packed
    reading, content = bucket.reading("a", Between(10, 200))
    assert (reading.span, content) == (Between(10, 200), packed[10:200])
    assert bucket.read("a", Last(9)) == packed[-9:]
    assert reading.info.attributes.headers["content-encoding"] == "gzip"


# Generations


def test_a_generation_is_read_and_deleted_as_a_version(bucket: SyncBucket) -> None:
    info = bucket.put("a", pattern(100_000))
    assert bucket.read_version("a", info.version) == pattern(100_000)
    assert bucket.read_version("a", info.version, Between(5, 9)) == pattern(100_000)[5:9]
    assert bucket.info("a", info.version) == info
    assert bucket.remove("a", info.version) == Deletion(True, info.version)
    assert bucket.remove("a", info.version) == Deletion(False, info.version)
    assert bucket.names() == []


def test_a_generation_that_was_replaced_is_not_found(bucket: SyncBucket) -> None:
    old = bucket.put("a", b"old")
    bucket.put("a", b"new")
    with pytest.raises(VersionNotFound):
        bucket.read_version("a", old.version)
    with pytest.raises(VersionNotFound):
        bucket.info("a", old.version)
    assert bucket.remove("a", old.version) == Deletion(False, old.version)
    assert bucket.read("a") == b"new"


@pytest.mark.parametrize("version", ["null", "", "-1", "1.5", "\u0661"])
def test_what_is_not_a_generation_is_refused(bucket: SyncBucket, version: str) -> None:
    bucket.put("a", b"x")
    with pytest.raises(NotSupported):
        bucket.read_version("a", version)
    with pytest.raises(NotSupported):
        bucket.remove("a", version)
    assert bucket.read("a") == b"x"


def test_a_deletion_by_what_a_version_still_is_is_refused(bucket: SyncBucket) -> None:
    request = DeleteRequest("a", version="1", still=Still.NONCURRENT)
    with pytest.raises(NotSupported):
        run(bucket.backend.delete_object("bucket", request))


# Uploads in parts


def test_an_upload_in_parts_is_an_object_with_what_was_said(bucket: SyncBucket) -> None:
    upload = bucket.begin("a", UploadOptions(OWNER, SAID))
    one, two = pattern(300_000, 1), pattern(10, 2)
    bucket.put_part(upload, 1, one)
    bucket.put_part(upload, 2, two)
    info = bucket.complete(upload, 1, 2)
    assert info.attributes == SAID
    assert (info.size, info.parts) == (300_010, 0)
    assert info.checksum == Checksum("CRC32C", sums.shown(sums.add(one + two)))
    assert bucket.info("a") == info
    assert bucket.page().objects == (info,)
    assert bucket.read("a") == one + two
    assert bucket.read("a", condition=Condition(if_match=(info.etag,))) == one + two


@pytest.mark.parametrize("text", ["", " ", "a\r\nb", "\x00", "ü" * 500, "=?utf-8?b?eA==?"])
def test_metadata_of_an_upload_can_be_any_text(bucket: SyncBucket, text: str) -> None:
    upload = bucket.begin("a", UploadOptions(OWNER, Attributes(custom={"k": text})))
    bucket.put_part(upload, 1, b"x")
    kept = bucket.complete(upload, 1).attributes.custom["k"]
    assert kept == text.strip(" ")


def test_a_name_of_metadata_that_no_header_can_have_is_refused(bucket: SyncBucket) -> None:
    for key in ("a b", "a:b", "ü", "a\nb"):
        with pytest.raises(NotSupported):
            bucket.begin("a", UploadOptions(OWNER, Attributes(custom={key: "v"})))


def test_the_object_of_an_upload_has_the_etag_of_the_cloud(bucket: SyncBucket) -> None:
    """It has no MD5; the ETag changes with the metadata too."""
    info = bucket.put_in_parts("a", b"one", b"two")
    assert info.etag != md5_of(b"onetwo")
    assert info.etag
    assert '"' not in info.etag
    new = bucket.update("a", updated)
    assert (new.etag != info.etag, new.version) == (True, info.version)


def test_the_object_of_an_upload_is_one_part(bucket: SyncBucket) -> None:
    bucket.put_in_parts("a", b"one", b"two")
    assert bucket.read("a", PartNumber(1)) == b"onetwo"
    assert bucket.head("a", PartNumber(1)).span == Between(0, 6)
    with pytest.raises(PartNotFound):
        bucket.read("a", PartNumber(2))
    assert bucket.parts_of("a") == []


def test_parts_have_no_ends_that_were_not_chosen(bucket: SyncBucket) -> None:
    upload = bucket.upload_of("a", b"one", pattern(100_000), b"three")
    assert bucket.complete(upload, 1, 3).size == 8
    assert bucket.read("a") == b"onethree"


def test_a_part_with_another_checksum_is_refused(
    bucket: SyncBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = bucket.begin("a")
    monkeypatch.setattr(sums, "shown", lambda _: "AAAAAA==")
    with pytest.raises(BackendError, match="BadDigest"):
        bucket.put_part(upload, 1, b"one")
    assert bucket.parts(upload) == []


# Buckets


def test_labels_are_tags(backend: Backend) -> None:
    made = run(backend.create_bucket("b", BucketOptions("", "eu-west-1", tags={"a": "b"})))
    assert (made.location, made.tags) == ("eu-west-1", {"a": "b"})
    assert run(backend.head_bucket("b")) == made
    assert run(backend.list_buckets()) == [made]

    def change(old: BucketInfo) -> BucketInfo:
        return replace(old, tags={"c": "d"})

    assert run(backend.update_bucket("b", change)).tags == {"c": "d"}
    assert run(backend.head_bucket("b")).tags == {"c": "d"}
    assert run(backend.update_bucket("b", lambda old: old)).tags == {"c": "d"}


def test_settings_and_versioning_of_buckets_are_refused(bucket: SyncBucket) -> None:
    for options in (
        BucketOptions("", settings={"a": "b"}),
        BucketOptions("", versioning=Versioning.ENABLED),
    ):
        with pytest.raises(NotSupported):
            run(bucket.backend.create_bucket("other", options))
    with pytest.raises(NotSupported):
        bucket.set_versioning(Versioning.SUSPENDED)
    assert len(run(bucket.backend.list_buckets())) == 1


def test_a_name_that_no_bucket_can_have_is_not_found(inner: GcpBackend) -> None:
    for name in ("A", "a/b", "x" * 70, "ü", "?"):
        with pytest.raises(BucketNotFound):
            run(inner.head_bucket(name))
        with pytest.raises((BucketNotFound, ObjectNotFound)):
            run(inner.get_object(name, "a"))


def test_deletions_of_many_are_done_side_by_side_and_of_a_missing_bucket_not_at_all(
    bucket: SyncBucket,
) -> None:
    names = [f"{number:02}" for number in range(40)]
    bucket.put_all(*names)
    assert bucket.delete_many(*map(DeleteRequest, names)) == [Deletion(True)] * 40
    with pytest.raises(BucketNotFound):
        run(bucket.backend.delete_objects("none", [DeleteRequest("a"), DeleteRequest("b")]))


def test_a_closed_backend_opens_again(inner: GcpBackend, bucket: SyncBucket) -> None:
    bucket.put("a", b"x")
    run(inner.aclose())
    assert bucket.read("a") == b"x"
