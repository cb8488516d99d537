"""What the contract leaves open over Azure: attributes, names, large bodies, uploads, rights."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from storage.backend import Backend
from storage.backends.azure import AzureBackend
from storage.backends.azure.place import Place
from storage.backends.azure.service import Request, Service
from storage.errors import (
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketNotFound,
    NotSupported,
    ObjectChanged,
    ObjectNotFound,
    PartNotFound,
    UploadNotFound,
)
from storage.ranges import Between, From, Last, PartNumber
from storage.values import (
    Attributes,
    BucketInfo,
    BucketOptions,
    Checksum,
    CompleteOptions,
    Condition,
    DeleteRequest,
    ListQuery,
    ObjectInfo,
    ReadOptions,
    UploadOptions,
    UploadQuery,
    Versioning,
)
from tests.storage.aws.remotes import Prefixed
from tests.storage.azure.azurite import ACCOUNT, Azurite, azurite
from tests.storage.bodies import body_of, broken_body, content_of, gated_body, pattern
from tests.storage.digests import Md5Digest, RecordingDigest, Refused, SealRefusingDigest, md5_of
from tests.storage.event_loop import run
from tests.storage.sync_bucket import OWNER, SyncBucket, join_etags, put_options

BLOCK = 100_000
SAID = Attributes(
    headers={
        "cache-control": "max-age=60",
        "content-disposition": 'attachment; filename="a.txt"',
        "content-encoding": "gzip",
        "content-language": "de",
        "content-type": "text/plain",
        "expires": "Wed, 21 Oct 2037 07:28:00 GMT",
    },
    custom={
        "mode": "33188",
        "title": "Gr\u00fc\u00dfe \U0001f600",
        "a-b.c": "dashes",
        "s3gw": "not ours",
        "s3gw__a": "not ours either",
        "7": " spaces ",
        "word": "=?utf-8?b?eA==?=",
        "empty": "",
    },
    tags={"k e y": "v=+\u00fc", "b": "", "": "empty"},
    storage_class="STANDARD_IA",
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture(scope="module")
def remote(service: Azurite) -> Iterator[AzureBackend]:
    backend = AzureBackend(service.options(block_bytes=BLOCK))
    yield backend
    run(backend.aclose())


@pytest.fixture
def backend(remote: AzureBackend) -> Any:
    return Prefixed(remote)


def raw(service: Azurite, place: Place, request: Request) -> Any:
    """The answer to a request that the backend does not make."""

    async def act() -> Any:
        other = Service(service.options())
        try:
            return await other.send(place, request)
        finally:
            await other.aclose()

    return run(act())


def full_name(bucket: SyncBucket) -> str:
    prefixed: Any = bucket.backend
    return str(prefixed._prefix + bucket.bucket)


# Attributes


def test_attributes_come_back_as_they_were_said(bucket: SyncBucket) -> None:
    info = bucket.put("a", b"x", options=put_options(attributes=SAID))
    assert info.attributes == SAID
    assert bucket.info("a") == info
    assert bucket.reading("a")[0].info == info
    (listed,) = bucket.page().objects
    assert listed.attributes == Attributes(storage_class="STANDARD_IA")
    assert (listed.etag, listed.modified_ns) == (info.etag, info.modified_ns)


def test_a_put_returns_what_head_says(bucket: SyncBucket) -> None:
    info = bucket.put("a", b"content")
    assert (info.size, info.parts, info.attributes) == (7, 0, Attributes())
    assert info.checksum == Checksum("MD5", b64encode(bytes.fromhex(md5_of(b"content"))).decode())
    assert bucket.info("a") == info
    assert bucket.reading("a", Between(1, 3))[0].info == info
    checksum = Checksum("CRC32C", "4waSgw==")
    info = bucket.put("b", b"123456789", options=put_options(Md5Digest(checksum)))
    assert info.checksum == checksum
    assert bucket.info("b") == info


@pytest.mark.parametrize("said", ["application/octet-stream", "application/x", ""])
def test_what_has_no_type_gets_none(bucket: SyncBucket, said: str) -> None:
    """Azure says of it that it is application/octet-stream."""
    headers = {"content-type": said} if said else {}
    bucket.put("a", b"x", options=put_options(attributes=Attributes(headers)))
    assert bucket.info("a").attributes.headers == headers


def test_what_another_client_wrote_is_read(bucket: SyncBucket, service: Azurite) -> None:
    headers = {
        "x-ms-blob-type": "BlockBlob",
        "x-ms-meta-other_key": "v",
        "x-ms-meta-s3gw": "{not JSON",
        "x-ms-meta-s3gw__x_zz_ff": "no key of ours",
    }
    request = Request("PUT", headers=headers, content=lambda: b"x", size=1)
    raw(service, Place(full_name(bucket), "a"), request)
    assert bucket.info("a").attributes.custom == {
        "other_key": "v",
        "s3gw": "{not JSON",
        "s3gw__x_zz_ff": "no key of ours",
    }
    assert bucket.read("a") == b"x"


def test_an_update_changes_what_was_asked_for_and_keeps_the_rest(bucket: SyncBucket) -> None:
    old = bucket.put("a", b"x", options=put_options(attributes=SAID))
    for said in (
        replace(SAID, tags={"new": "tag"}),
        replace(SAID, custom={"only": "this"}),
        replace(SAID, headers={"content-type": "a/b"}),
        replace(SAID, storage_class="STANDARD"),
        replace(SAID, storage_class="INTELLIGENT_TIERING"),
        Attributes(),
    ):
        new = bucket.update("a", lambda _, said=said: said)  # type: ignore[misc]
        assert new.attributes == said
        assert bucket.info("a") == new
        assert (new.checksum, new.etag != old.etag) == (old.checksum, True)
        assert bucket.read("a") == b"x"
    assert bucket.update("a", lambda attributes: attributes) == new
    touched = bucket.update("a", lambda attributes: attributes, touch=True)
    assert touched.etag != new.etag


def test_more_metadata_than_azure_takes_is_refused_and_not_an_accident(bucket: SyncBucket) -> None:
    """All together 8 KiB."""
    as_much = Attributes(tags={f"tag{number}": "\u00fc" * 256 for number in range(10)})
    bucket.put("a", b"x", options=put_options(attributes=as_much))
    assert bucket.info("a").attributes == as_much
    bucket.delete("a")
    too_much = Attributes(custom={"a": "x" * 8192})
    with pytest.raises(BackendError, match="MetadataTooLarge"):
        bucket.put("a", b"x", options=put_options(attributes=too_much))
    assert bucket.names() == []


# Names


@pytest.mark.parametrize(
    "name",
    [
        "a/", "/", "//", "/a", "a//b", " ", "a ", "%2F", "a%00b", "a+b", "?", "#", "'\";--", "*",
        "\u00e9", "e\u0301", "\u2028", "\ufeff", "\ue000", "\U0001f600", "~", "CON", "a=b&c",
        "x" * 1024, "\u00e9" * 512, "a/" * 253,
    ],
)  # fmt: skip
def test_a_name_that_azure_takes_is_kept_as_it_is(bucket: SyncBucket, name: str) -> None:
    content = name.encode()
    assert bucket.put(name, content).name == name
    assert bucket.read(name) == content
    assert bucket.info(name).size == len(content)
    assert bucket.names() == [name]
    assert bucket.names(ListQuery(prefix=name)) == [name]
    assert bucket.delete(name) is True
    assert bucket.names() == []


@pytest.mark.parametrize(
    "name",
    [
        ".", "..", "a/..", "../a", "a/./b", "a.", "a./b", "a...", "a\\b", "a\x01b", "\t", "a\n",
        "\x7f", "a\u0085", "\uffff", "a/" * 254, "/" * 1024,
    ],
)  # fmt: skip
def test_a_name_that_would_not_be_kept_is_refused(bucket: SyncBucket, name: str) -> None:
    bucket.put("a", b"x")
    backend = bucket.backend
    for call in (
        backend.put_object(bucket.bucket, name, body_of(b"y"), put_options()),
        backend.get_object(bucket.bucket, name),
        backend.head_object(bucket.bucket, name),
        backend.delete_object(bucket.bucket, DeleteRequest(name)),
        backend.create_upload(bucket.bucket, name, UploadOptions(OWNER)),
    ):
        with pytest.raises(NotSupported, match="an object name"):
            run(call)
    assert bucket.names() == ["a"]
    assert bucket.read("a") == b"x"


@pytest.mark.parametrize(
    "name", ["UPPER", "a.b", "a_b", "a--b", "-ab", "ab-", "ab", "a/b", "../abc", "x" * 64, ""]
)
def test_a_name_that_no_container_has_is_a_bucket_that_is_not_there(
    remote: AzureBackend, name: str
) -> None:
    if name:
        with pytest.raises(BucketNotFound):
            run(remote.head_bucket(name))
        with pytest.raises(BucketNotFound):
            run(remote.get_object(name, "a"))
    with pytest.raises(NotSupported):
        run(remote.create_bucket(name, BucketOptions("")))


# Listing


def test_a_listing_is_in_the_order_of_bytes(bucket: SyncBucket) -> None:
    """Azurite's own is that of UTF-16."""
    names = ["a", "a\U00010000", "a\U0001f600", "a\ue000", "a\uff5e", "b", "\U00010000/x", "\uff5e"]
    bucket.put_all(*names)
    expected = sorted(names, key=str.encode)
    assert bucket.names() == expected
    for limit in range(1, len(names)):
        found, after = [], ""
        while True:
            page = bucket.page(ListQuery(after=after, limit=limit))
            found += [info.name for info in page.objects]
            if page.next_after is None:
                break
            assert len(page.objects) == limit
            after = page.next_after
        assert found == expected
    assert bucket.names(ListQuery("a", after="a\U00010000")) == ["a\U0001f600"]
    assert bucket.names(ListQuery("a", after="a\uff00"))[0] == "a\uff5e"


# Bodies


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 7 * BLOCK + 7])
@pytest.mark.parametrize("announced", [True, False])
def test_a_large_body_goes_in_blocks(bucket: SyncBucket, size: int, announced: bool) -> None:
    digest, content = RecordingDigest(), pattern(size)
    blocks = [content[at : at + 70_000] for at in range(0, size, 70_000)]
    options = replace(put_options(digest, SAID), size=size if announced else None)
    info = run(bucket.backend.put_object(bucket.bucket, "a", body_of(*blocks), options))
    assert (info.size, info.attributes, info.parts) == (size, SAID, 0)
    assert (bytes(digest.seen), digest.seals) == (content, 1)
    assert info.checksum is not None
    assert b64decode(info.checksum.value).hex() == md5_of(content)
    assert bucket.info("a") == info
    assert bucket.read("a") == content
    assert bucket.read("a", Between(BLOCK - 9, BLOCK - 1)) == content[BLOCK - 9 : BLOCK - 1]
    assert bucket.parts_of("a") == []


@pytest.mark.parametrize("digest", [Md5Digest, SealRefusingDigest])
def test_a_large_body_that_fails_leaves_what_was_there(bucket: SyncBucket, digest: Any) -> None:
    content = pattern(3 * BLOCK)
    bucket.put("a", b"old")
    for name in ("a", "b"):
        body = body_of(content) if digest is SealRefusingDigest else broken_body(content)
        with pytest.raises(Refused):
            run(bucket.backend.put_object(bucket.bucket, name, body, put_options(digest())))
    assert bucket.names() == ["a"]
    assert bucket.read("a") == b"old"


def test_a_large_body_that_is_cancelled_leaves_nothing(bucket: SyncBucket) -> None:
    async def act() -> None:
        begun = asyncio.Event()

        async def body() -> Any:
            yield pattern(3 * BLOCK)
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


def test_a_condition_of_a_large_body_is_checked_at_its_end(bucket: SyncBucket) -> None:
    bucket.put("a", b"first")
    new = put_options(condition=Condition(if_none_match=("*",)))
    with pytest.raises(Exception, match="If-None-Match"):
        bucket.put("a", pattern(3 * BLOCK), options=new)
    assert bucket.read("a") == b"first"


def test_of_two_large_writes_of_a_name_at_once_one_is_there_and_the_other_knows(
    bucket: SyncBucket,
) -> None:
    contents = [pattern(3 * BLOCK, seed) for seed in range(2)]

    async def act() -> list[object]:
        begun, gate = asyncio.Event(), asyncio.Event()
        late = asyncio.ensure_future(
            bucket.backend.put_object(
                bucket.bucket, "a", gated_body(contents[0], begun, gate), put_options()
            )
        )
        await begun.wait()
        early = await bucket.backend.put_object(
            bucket.bucket, "a", body_of(contents[1]), put_options()
        )
        gate.set()
        return [early, *await asyncio.gather(late, return_exceptions=True)]

    early, late = run(act())
    assert isinstance(early, ObjectInfo)
    if isinstance(late, ObjectInfo):
        assert bucket.read("a") == contents[0]
    else:
        assert isinstance(late, BackendUnavailable)
        assert bucket.read("a") == contents[1]


def test_many_conditions_of_a_read_are_one(bucket: SyncBucket) -> None:
    info = bucket.put("a", pattern(100_000))
    others = Condition(if_match=("0" * 32, info.etag))
    assert bucket.read("a", Last(5), others) == pattern(100_000)[-5:]
    stale = Condition(if_range="0" * 32)
    assert len(bucket.read("a", From(99_999), stale)) == 100_000
    assert len(bucket.read("a", From(99_999), Condition(if_range=info.etag))) == 1


def test_an_object_that_changes_after_the_look_is_looked_at_again(bucket: SyncBucket) -> None:
    big = [pattern(100_000, seed) for seed in range(2)]
    bucket.put("a", big[0])
    remaining = [big[1]]

    async def replace_once() -> None:
        if remaining:
            body = body_of(remaining.pop())
            await bucket.backend.put_object(bucket.bucket, "a", body, put_options())

    async def act() -> bytes:
        options = ReadOptions(before_stream=replace_once)
        return await content_of(await bucket.backend.get_object(bucket.bucket, "a", options))

    assert run(act()) == big[1]


def test_an_object_that_always_changes_is_an_error(bucket: SyncBucket) -> None:
    bucket.put("a", pattern(100_000))
    seeds = iter(range(1, 100))

    async def change() -> None:
        body = body_of(pattern(100_000, next(seeds)))
        await bucket.backend.put_object(bucket.bucket, "a", body, put_options())

    with pytest.raises(ObjectChanged):
        run(bucket.backend.get_object(bucket.bucket, "a", ReadOptions(before_stream=change)))


# Uploads


def test_an_upload_keeps_what_it_was_begun_with_in_its_id(bucket: SyncBucket) -> None:
    options = UploadOptions(OWNER, SAID, "SHA256", kept_checksum="CRC32")
    upload = bucket.begin("a", options)
    assert int(upload.id, 16)
    seen = run(bucket.backend.head_upload(bucket.bucket, "a", upload.id))
    assert seen == upload
    assert (seen.owner, seen.attributes, seen.checksum_algorithm) == (OWNER, SAID, "SHA256")
    forged = upload.id[:-2] + ("00" if upload.id[-2:] != "00" else "01")
    for unknown in (forged, upload.id[:24], upload.id[2:], "~" + upload.id, "", "x" * 100_000):
        with pytest.raises(UploadNotFound):
            run(bucket.backend.head_upload(bucket.bucket, "a", unknown))


def test_the_parts_of_an_upload_are_those_of_the_object(bucket: SyncBucket) -> None:
    upload = bucket.begin("a", UploadOptions(OWNER, SAID))
    contents = [pattern(2 * BLOCK, 1), pattern(3, 2), b"last"]
    for number, content in enumerate(contents, start=2):
        bucket.put_part(upload, number, content)
    parts = bucket.parts(upload)
    assert [part.etag for part in parts] == [md5_of(each) for each in contents]
    assert [part.size for part in parts] == [len(each) for each in contents]
    info = bucket.complete(upload, 2, 4)
    assert (info.size, info.parts, info.attributes) == (2 * BLOCK + 4, 2, SAID)
    assert bucket.info("a") == info
    assert bucket.parts_of("a") == [parts[0], parts[2]]
    reading, content = bucket.reading("a", PartNumber(4))
    assert (reading.span, content) == (Between(2 * BLOCK, 2 * BLOCK + 4), b"last")
    with pytest.raises(PartNotFound):
        bucket.reading("a", PartNumber(3))


def test_an_aborted_upload_is_gone_and_the_other_of_the_name_is_not(bucket: SyncBucket) -> None:
    bucket.put("a", b"old")
    first, second = bucket.upload_of("a", b"one"), bucket.upload_of("a", b"two")
    bucket.abort(first)
    for call in (
        bucket.backend.head_upload(bucket.bucket, "a", first.id),
        bucket.backend.list_parts(bucket.bucket, "a", first.id),
        bucket.backend.abort_upload(bucket.bucket, "a", first.id),
        bucket.backend.complete_upload(
            bucket.bucket, "a", first.id, CompleteOptions((1,), join_etags)
        ),
    ):
        with pytest.raises(UploadNotFound):
            run(call)
    assert bucket.read("a") == b"old"
    bucket.complete(second, 1)
    assert bucket.read("a") == b"two"


def test_completing_one_upload_ends_the_others_of_the_name_and_mixes_nothing(
    bucket: SyncBucket,
) -> None:
    """So does a put, but in Azurite."""
    upload = bucket.upload_of("a", b"one", b"two")
    bucket.complete(bucket.upload_of("a", b"new"), 1)
    with pytest.raises(UploadNotFound):
        bucket.complete(upload, 1, 2)
    assert bucket.read("a") == b"new"


def test_repeating_a_completion_works_while_the_object_is_that_of_the_upload(
    bucket: SyncBucket,
) -> None:
    upload = bucket.upload_of("a", b"one")
    first = bucket.complete(upload, 1)
    assert bucket.complete(upload, 1) == first
    tagged = bucket.update("a", lambda attributes: replace(attributes, tags={"a": "b"}))
    assert bucket.complete(upload, 1) == tagged
    bucket.put("a", b"newer")
    with pytest.raises(UploadNotFound):
        bucket.complete(upload, 1)


def test_another_process_goes_on_with_an_upload(bucket: SyncBucket, remote: AzureBackend) -> None:
    upload = bucket.begin("a", UploadOptions(OWNER, SAID))
    bucket.put_part(upload, 1, b"one")
    here: Any = bucket.backend
    there = here.over(AzureBackend(remote.options))
    SyncBucket(there, bucket.bucket).put_part(upload, 1, b"again")
    run(there.inner.aclose())
    assert bucket.complete(upload, 1).attributes == SAID
    assert bucket.read("a") == b"again"


def test_uploads_cannot_be_listed(bucket: SyncBucket) -> None:
    with pytest.raises(NotSupported):
        run(bucket.backend.list_uploads(bucket.bucket, UploadQuery()))


# Containers and rights


def test_the_tags_of_a_bucket_are_metadata_of_its_container(backend: Backend) -> None:
    tags = {"team": "a b", "Cost-Center": "gr\u00fcn"}
    run(backend.create_bucket("tagged", BucketOptions("", tags=tags)))
    assert run(backend.head_bucket("tagged")).tags == tags
    assert [each.tags for each in run(backend.list_buckets())] == [tags]

    def change(old: BucketInfo) -> BucketInfo:
        return replace(old, tags={"a": "b"})

    assert run(backend.update_bucket("tagged", change)).tags == {"a": "b"}
    assert run(backend.head_bucket("tagged")).tags == {"a": "b"}
    for refused in (
        lambda old: replace(old, settings={"a": "b"}),
        lambda old: replace(old, versioning=Versioning.ENABLED),
    ):
        with pytest.raises(NotSupported):
            run(backend.update_bucket("tagged", refused))
    with pytest.raises(NotSupported):
        run(backend.create_bucket("settled", BucketOptions("", settings={"a": "b"})))


def test_an_object_with_snapshots_is_not_deleted(bucket: SyncBucket, service: Azurite) -> None:
    bucket.put("a", b"x")
    raw(service, Place(full_name(bucket), "a"), Request("PUT", {"comp": "snapshot"}))
    with pytest.raises(BackendDenied, match="SnapshotsPresent"):
        bucket.delete("a")
    assert bucket.names() == ["a"]


def test_an_object_under_a_lease_is_read_and_not_written(
    bucket: SyncBucket, service: Azurite
) -> None:
    bucket.put("a", b"x")
    lease = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}
    raw(service, Place(full_name(bucket), "a"), Request("PUT", {"comp": "lease"}, lease))
    with pytest.raises(BackendDenied, match="LeaseIdMissing"):
        bucket.put("a", b"y")
    with pytest.raises(BackendDenied, match="LeaseIdMissing"):
        bucket.delete("a")
    assert bucket.read("a") == b"x"


def signature(service: Azurite, permissions: str) -> str:
    """A SAS token of the account, until 2099."""
    fields = {
        "sp": permissions,
        "ss": "b",
        "srt": "sco",
        "st": "",
        "se": "2099-01-01T00:00:00Z",
        "sip": "",
        "spr": "https,http",
        "sv": "2022-11-02",
        "ses": "",
    }
    text = "\n".join([ACCOUNT, *fields.values(), ""])
    signed = hmac.digest(b64decode(service.key), text.encode(), "sha256")
    fields["sig"] = b64encode(signed).decode()
    return urlencode({name: value for name, value in fields.items() if value})


def test_a_sas_token_gives_the_rights_that_it_has(bucket: SyncBucket, service: Azurite) -> None:
    bucket.put("a b", b"x")
    backend = AzureBackend(service.options(account_key="", sas_token=signature(service, "rl")))
    name = full_name(bucket)
    assert run(backend.get_object(name, "a b")).body == b"x"
    assert [info.name for info in run(backend.list_objects(name, ListQuery("a "))).objects] == [
        "a b"
    ]
    with pytest.raises(BackendDenied):
        run(backend.put_object(name, "b", body_of(b"y"), put_options()))
    run(backend.aclose())
    assert bucket.names() == ["a b"]


def test_a_sas_token_of_one_container_is_enough_to_read_it(
    bucket: SyncBucket, service: Azurite
) -> None:
    bucket.put("a", b"x")
    name, version = full_name(bucket), "2020-12-06"
    fields = {"sp": "rl", "se": "2099-01-01T00:00:00Z", "sv": version, "sr": "c"}
    lines = [fields["sp"], "", fields["se"], f"/blob/{ACCOUNT}/{name}", "", "", "", version, "c"]
    text = "\n".join([*lines, *[""] * 7])
    signed = hmac.digest(b64decode(service.key), text.encode(), "sha256")
    token = urlencode({**fields, "sig": b64encode(signed).decode()})
    backend = AzureBackend(service.options(account_key="", sas_token=token))
    assert run(backend.head_bucket(name)).name == name
    assert run(backend.get_object(name, "a")).body == b"x"
    with pytest.raises(BackendDenied):
        run(backend.head_bucket("another"))
    run(backend.aclose())


def test_a_public_container_is_read_without_credentials(
    bucket: SyncBucket, service: Azurite
) -> None:
    public = Request("PUT", {"restype": "container"}, {"x-ms-blob-public-access": "container"})
    raw(service, Place("public"), public)
    content = Request("PUT", headers={"x-ms-blob-type": "BlockBlob"}, content=lambda: b"x", size=1)
    raw(service, Place("public", "a"), content)
    backend = AzureBackend(service.options(account_key="", anonymous=True))
    assert run(backend.get_object("public", "a")).body == b"x"
    assert [info.name for info in run(backend.list_objects("public", ListQuery())).objects] == ["a"]
    with pytest.raises((BackendDenied, ObjectNotFound, BucketNotFound)):
        run(backend.get_object(full_name(bucket), "a"))
    run(backend.aclose())


def test_a_wrong_key_is_denied(bucket: SyncBucket, service: Azurite) -> None:
    wrong = b64encode(b"another key").decode()
    backend = AzureBackend(service.options(account_key=wrong))
    with pytest.raises(BackendDenied) as denied:
        run(backend.list_objects(full_name(bucket), ListQuery()))
    assert wrong not in str(denied.value)
    run(backend.aclose())
