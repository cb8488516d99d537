"""What the contract leaves open over S3: attributes, large bodies, parts, and errors that name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from storage.backend import Backend
from storage.backends.aws import AwsBackend
from storage.errors import (
    BackendError,
    BucketNotFound,
    DeleteMarkerFound,
    NotSupported,
    ObjectChanged,
    ObjectNotFound,
    PartNotFound,
    UploadNotFound,
    VersionNotFound,
)
from storage.ranges import Between, From, Last, PartNumber
from storage.values import (
    NULL_VERSION,
    Attributes,
    BucketInfo,
    BucketOptions,
    Checksum,
    ChecksumType,
    Condition,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    ReadOptions,
    Sealed,
    Still,
    UpdateOptions,
    UploadOptions,
    Versioning,
)
from tests.storage.aws.deviations import MOTO_OBJECTS, reason_to_skip
from tests.storage.aws.remotes import Prefixed, gateway, moto, options_for
from tests.storage.bodies import body_of, broken_body, content_of, pattern
from tests.storage.digests import Md5Digest, RecordingDigest, Refused, SealRefusingDigest, md5_of
from tests.storage.event_loop import run
from tests.storage.sync_bucket import OWNER, SyncBucket, put_options

PART = 5 << 20
SAID = Attributes(
    headers={
        "cache-control": "max-age=60",
        "content-disposition": 'attachment; filename="a.txt"',
        "content-encoding": "gzip",
        "content-language": "de",
        "content-type": "text/plain",
        "expires": "Wed, 21 Oct 2037 07:28:00 GMT",
    },
    custom={"mode": "33188", "title": "Gr\u00fc\u00dfe \U0001f600 =?x?="},
    tags={"k e y": "v=+\u00fc", "b": ""},
    storage_class="STANDARD_IA",
)


@pytest.fixture(scope="module", params=[moto, gateway], ids=["moto", "gateway"])
def remote(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AwsBackend]:
    with request.param(tmp_path_factory.mktemp("remote")) as endpoint:
        backend = AwsBackend(options_for(endpoint, part_bytes=PART))
        yield backend
        run(backend.aclose())


@pytest.fixture(autouse=True)
def _as_far_as_moto_goes(request: pytest.FixtureRequest) -> None:
    node = request.node
    if "[moto" in node.name and (reason := reason_to_skip(node.originalname, "", MOTO_OBJECTS)):
        pytest.skip(reason)


@pytest.fixture
def backend(remote: AwsBackend) -> Any:
    return Prefixed(remote)


def test_attributes_come_back_as_they_were_said(bucket: SyncBucket) -> None:
    info = bucket.put("a", b"x", options=put_options(attributes=SAID))
    assert info.attributes == SAID
    assert bucket.info("a") == info
    assert bucket.reading("a")[0].info.attributes == SAID
    (listed,) = bucket.page().objects
    assert listed.attributes == Attributes(storage_class="STANDARD_IA")
    assert (listed.etag, listed.modified_ns) == (info.etag, info.modified_ns)


def test_a_put_returns_what_head_says(bucket: SyncBucket) -> None:
    info = bucket.put("a", b"content")
    assert (info.size, info.etag, info.version) == (7, md5_of(b"content"), NULL_VERSION)
    assert info.checksum is not None
    assert info.checksum.type is ChecksumType.FULL_OBJECT
    assert bucket.info("a") == info


def test_a_sealed_checksum_goes_along_and_is_verified(bucket: SyncBucket) -> None:
    right = Checksum("CRC32C", "4waSgw==")
    info = bucket.put("a", b"123456789", options=put_options(Md5Digest(right)))
    assert info.checksum == right
    wrong = Checksum("CRC32C", "AAAAAA==")
    with pytest.raises(BackendError, match=r"aws://test.*/b: (BadDigest|InvalidRequest)"):
        bucket.put("b", b"123456789", options=put_options(Md5Digest(wrong)))
    assert bucket.names() == ["a"]


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 7])
def test_a_large_body_goes_in_parts(bucket: SyncBucket, size: int) -> None:
    digest = RecordingDigest()
    content = pattern(size)
    blocks = [content[at : at + 700_000] for at in range(0, size, 700_000)]
    options = put_options(digest, SAID)
    put = bucket.backend.put_object(bucket.bucket, "a", body_of(*blocks), options)
    info = run(put)
    assert (info.size, info.attributes) == (size, SAID)
    assert info.parts == (0 if size <= PART else -(-size // PART))
    assert bytes(digest.seen) == content
    assert digest.seals == 1
    assert bucket.read("a") == content
    assert bucket.read("a", Between(PART - 5, PART + 5)) == content[PART - 5 : PART + 5]
    assert bucket.uploads().uploads == ()


@pytest.mark.parametrize("digest", [Md5Digest, SealRefusingDigest])
def test_a_large_body_that_fails_leaves_no_upload(bucket: SyncBucket, digest: Any) -> None:
    content = pattern(2 * PART)
    body = body_of(content) if digest is SealRefusingDigest else broken_body(content)
    with pytest.raises(Refused):
        run(bucket.backend.put_object(bucket.bucket, "a", body, put_options(digest())))
    assert bucket.names() == []
    assert bucket.uploads().uploads == ()


def test_a_large_body_that_is_cancelled_leaves_no_upload(bucket: SyncBucket) -> None:
    async def act() -> None:
        begun = asyncio.Event()

        async def body() -> Any:
            yield pattern(2 * PART)
            begun.set()
            await asyncio.Event().wait()

        put = asyncio.ensure_future(
            bucket.backend.put_object(bucket.bucket, "a", body(), put_options())
        )
        await begun.wait()
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put

    run(act())
    assert bucket.names() == []
    assert bucket.uploads().uploads == ()


def test_a_condition_of_a_large_body_is_checked_at_its_end(bucket: SyncBucket) -> None:
    bucket.put("a", b"first")
    new = put_options(condition=Condition(if_none_match=("*",)))
    with pytest.raises(Exception, match="If-None-Match"):
        bucket.put("a", pattern(PART + 1), options=new)
    assert bucket.read("a") == b"first"
    assert bucket.uploads().uploads == ()


def test_many_conditions_of_a_read_are_one(bucket: SyncBucket) -> None:
    info = bucket.put("a", pattern(100_000))
    others = Condition(if_match=("0" * 32, info.etag))
    assert bucket.read("a", Last(5), others) == pattern(100_000)[-5:]
    stale = Condition(if_range="0" * 32)
    assert len(bucket.read("a", From(99_999), stale)) == 100_000
    assert len(bucket.read("a", From(99_999), Condition(if_range=info.etag))) == 1


def test_an_object_that_changes_after_the_look_is_looked_at_again(bucket: SyncBucket) -> None:
    bucket.put("a", b"old")
    looks: list[str] = []

    def choose(info: ObjectInfo) -> Between:
        looks.append(info.etag)
        return Between(0, info.size)

    async def act() -> bytes:
        options = ReadOptions(choose=choose, before_stream=replace_once)
        return await content_of(await bucket.backend.get_object(bucket.bucket, "a", options))

    big = [pattern(100_000, seed) for seed in range(2)]
    bucket.put("a", big[0])
    remaining = [big[1]]

    async def replace_once() -> None:
        if remaining:
            body = body_of(remaining.pop())
            await bucket.backend.put_object(bucket.bucket, "a", body, put_options())

    assert run(act()) == big[1]
    assert looks == [md5_of(big[0]), md5_of(big[1])]


def test_an_object_that_always_changes_is_an_error(bucket: SyncBucket) -> None:
    bucket.put("a", pattern(100_000))
    seeds = iter(range(1, 100))

    async def change() -> None:
        body = body_of(pattern(100_000, next(seeds)))
        await bucket.backend.put_object(bucket.bucket, "a", body, put_options())

    with pytest.raises(ObjectChanged):
        run(bucket.backend.get_object(bucket.bucket, "a", ReadOptions(before_stream=change)))


def test_tags_change_in_place_and_the_rest_by_a_copy(bucket: SyncBucket) -> None:
    old = bucket.put("a", b"x", options=put_options(attributes=SAID))
    tags = {"new": "tag"}
    new = bucket.update("a", lambda attributes: replace(attributes, tags=tags))
    assert new == replace(old, attributes=replace(SAID, tags=tags))
    custom = {"only": "this"}
    newer = bucket.update("a", lambda attributes: replace(attributes, custom=custom))
    assert newer.attributes == replace(SAID, tags=tags, custom=custom)
    assert (newer.etag, bucket.read("a")) == (old.etag, b"x")
    assert bucket.update("a", lambda attributes: attributes) == newer
    touched = bucket.update("a", lambda attributes: attributes, touch=True)
    assert touched.modified_ns >= newer.modified_ns
    assert touched.attributes == newer.attributes


def test_an_older_version_gets_tags_and_nothing_else(bucket: SyncBucket) -> None:
    bucket.set_versioning(Versioning.ENABLED)
    old, _ = bucket.put("a", b"old"), bucket.put("a", b"new")
    options = UpdateOptions(version=old.version)

    def tag(attributes: Attributes) -> Attributes:
        return replace(attributes, tags={"a": "b"})

    backend = bucket.backend
    changed = run(backend.update_object(bucket.bucket, "a", tag, options))
    assert (changed.version, changed.attributes.tags) == (old.version, {"a": "b"})
    assert bucket.info("a").attributes.tags == {}

    def rename(attributes: Attributes) -> Attributes:
        return replace(attributes, custom={"a": "b"})

    with pytest.raises(NotSupported):
        run(backend.update_object(bucket.bucket, "a", rename, options))


def test_deletions_say_what_became_of_each(bucket: SyncBucket) -> None:
    bucket.put_all("a", "b", "c d+\u00fc", "\x01")
    wrong = DeleteRequest("b", Condition(if_match=("0" * 32,)))
    names = ("a", "c d+\u00fc", "\x01", "none")
    outcomes = bucket.delete_many(wrong, *map(DeleteRequest, names))
    assert type(outcomes[0]).__name__ == "PreconditionFailed"
    assert outcomes[1:] == [Deletion(existed=True)] * 4
    assert bucket.names() == ["b"]
    assert bucket.delete_many() == []
    assert bucket.delete("b") is True


def test_a_version_is_not_deleted_by_what_it_still_is(bucket: SyncBucket) -> None:
    bucket.put("a", b"x")
    request = DeleteRequest("a", version=NULL_VERSION, still=Still.NONCURRENT)
    (outcome,) = bucket.delete_many(request)
    assert isinstance(outcome, NotSupported)
    assert bucket.read("a") == b"x"


def test_versions_and_markers_are_told_apart(bucket: SyncBucket) -> None:
    bucket.set_versioning(Versioning.ENABLED)
    kept = bucket.put("a", b"x")
    marker = bucket.remove("a")
    assert marker.delete_marker
    for read in (bucket.info, bucket.read):
        with pytest.raises(DeleteMarkerFound) as found:
            read("a")
        assert (found.value.version, found.value.named) == (marker.version, False)
    with pytest.raises(DeleteMarkerFound) as found:
        bucket.info("a", marker.version)
    assert found.value.named
    entries = bucket.versions().versions
    assert [(e.info.version, e.info.delete_marker, e.latest) for e in entries] == [
        (marker.version, True, True),
        (kept.version, False, False),
    ]
    for unknown in ("0" * 32, "no version at all"):
        with pytest.raises(VersionNotFound):
            bucket.read_version("a", unknown)
        with pytest.raises(VersionNotFound):
            bucket.info("a", unknown)


def test_what_is_missing_is_named(bucket: SyncBucket) -> None:
    backend = bucket.backend
    with pytest.raises(BucketNotFound, match="no-such-bucket"):
        run(backend.head_object("no-such-bucket", "a"))
    with pytest.raises(ObjectNotFound, match="none"):
        bucket.info("none")
    with pytest.raises(BucketNotFound):
        run(backend.head_object("UPPER_and_./odd", "a"))
    with pytest.raises(UploadNotFound, match="none"):
        run(backend.head_upload(bucket.bucket, "a", "none"))


def test_the_part_of_a_passed_through_upload_reads_by_its_number(bucket: SyncBucket) -> None:
    upload = bucket.begin("a", UploadOptions(OWNER, SAID))
    contents = [pattern(PART, 1), pattern(PART + 3, 2), b"last"]
    parts = [bucket.put_part(upload, n, each) for n, each in enumerate(contents, 1)]
    assert [part.etag for part in parts] == [md5_of(each) for each in contents]
    assert [part.size for part in bucket.parts(upload)] == [len(each) for each in contents]
    info = bucket.complete(upload, 1, 2, 3)
    assert (info.size, info.parts) == (sum(map(len, contents)), 3)
    assert info.attributes == SAID
    assert bucket.info("a") == info
    reading, content = bucket.reading("a", PartNumber(2))
    assert (reading.span, content) == (Between(PART, 2 * PART + 3), contents[1])
    assert bucket.head("a", PartNumber(3)).span == Between(2 * PART + 3, 2 * PART + 7)
    with pytest.raises(PartNotFound):
        bucket.reading("a", PartNumber(4))


@pytest.mark.parametrize("algorithm", ["CRC32C", "SHA256"])
def test_an_upload_has_the_algorithm_of_its_client(bucket: SyncBucket, algorithm: str) -> None:
    options = UploadOptions(OWNER, Attributes(), algorithm, ChecksumType.COMPOSITE)
    upload = bucket.begin("a", options)
    part = bucket.put_part(upload, 1, b"123456789")
    assert part.checksum is not None
    assert part.checksum.algorithm == algorithm
    info = bucket.complete(upload, 1, assemble=lambda *_: Sealed("ignored"))
    assert bucket.read("a") == b"123456789"
    assert info.parts == 1


def test_the_parts_of_an_object_are_listed_by_size(bucket: SyncBucket) -> None:
    """If S3 has a checksum of each."""
    for name, algorithm in (("a", "SHA256"), ("b", "")):
        options = UploadOptions(OWNER, Attributes(), algorithm, ChecksumType.COMPOSITE)
        upload = bucket.begin(name, options)
        for number, content in enumerate((pattern(PART), b"last"), start=1):
            bucket.put_part(upload, number, content)
        bucket.complete(upload, 1, 2, assemble=lambda *_: Sealed("ignored"))
    assert [(part.number, part.size) for part in bucket.parts_of("a")] == [(1, PART), (2, 4)]
    assert [part.number for part in bucket.parts_of("a", after=1)] == [2]
    with pytest.raises(NotSupported):
        bucket.parts_of("b")
    bucket.put("whole", b"x")
    assert bucket.parts_of("whole") == []


def test_an_upload_without_an_algorithm_asks_its_client_for_no_checksums(
    bucket: SyncBucket,
) -> None:
    upload = bucket.upload_of("a", pattern(PART), b"last")
    seen = run(bucket.backend.head_upload(bucket.bucket, "a", upload.id))
    assert seen.checksum_type is ChecksumType.FULL_OBJECT
    info = bucket.complete(upload, 1, 2)
    assert info.checksum is None or info.checksum.type is ChecksumType.FULL_OBJECT
    assert bucket.read("a") == pattern(PART) + b"last"


def test_another_process_goes_on_with_an_upload(bucket: SyncBucket, remote: AwsBackend) -> None:
    """It does not know yet what checksum the parts have."""
    upload = bucket.begin("a")
    bucket.put_part(upload, 1, b"one")

    here: Any = bucket.backend
    there = here.over(AwsBackend(remote.options))
    SyncBucket(there, bucket.bucket).put_part(upload, 1, b"again")
    run(there.inner.aclose())
    assert bucket.complete(upload, 1).size == 5
    assert bucket.read("a") == b"again"


def test_versioning_and_tags_of_a_bucket_change(backend: Backend) -> None:
    tags = {"team": "a b"}
    options = BucketOptions("", versioning=Versioning.ENABLED, tags=tags)
    run(backend.create_bucket("versioned", options))
    info = run(backend.head_bucket("versioned"))
    assert (info.versioning, info.tags) == (Versioning.ENABLED, tags)

    def change(old: BucketInfo) -> BucketInfo:
        return replace(old, versioning=Versioning.SUSPENDED, tags={})

    run(backend.update_bucket("versioned", change))
    info = run(backend.head_bucket("versioned"))
    assert (info.versioning, info.tags) == (Versioning.SUSPENDED, {})
    with pytest.raises(NotSupported):
        run(backend.update_bucket("versioned", lambda old: replace(old, settings={"a": "b"})))
    with pytest.raises(NotSupported):
        run(
            backend.update_bucket(
                "versioned", lambda old: replace(old, versioning=Versioning.NEVER)
            )
        )
    with pytest.raises(NotSupported):
        run(backend.create_bucket("settled", BucketOptions("", settings={"a": "b"})))
    assert [each.name for each in run(backend.list_buckets())] == ["versioned"]
