"""Members of archives, read with plain GetObject and HeadObject."""

from __future__ import annotations

import io
import tarfile
from typing import Any
from urllib.parse import quote

import pytest

from storage.archives import ArchiveFormat
from tests.archives.made import made, tar
from tests.s3.gateway import BOB, Gateway, code_of, error_of
from tests.s3.sse import KEY_A, customer, customer_headers

FILES = [("a/1.jpg", b"0123456789"), ("a/1.cls", b"7"), ("ü b+c.jpg", b"x" * 70_000)]
KEYS = [f"shard{kind.value}" for kind in ArchiveFormat]


@pytest.fixture
def shards(s3: Any, bucket: str) -> str:
    """A bucket with an archive of each format."""
    for kind, key in zip(ArchiveFormat, KEYS, strict=True):
        s3.put_object(Bucket=bucket, Key=key, Body=made(kind, FILES), Metadata={"m": "1"})
    s3.put_object(Bucket=bucket, Key="text", Body=b"no archive" * 100)
    return bucket


@pytest.mark.parametrize("key", KEYS)
def test_a_member_is_read_with_its_own_length_and_the_archives_date(
    gateway: Gateway, s3: Any, shards: str, key: str
) -> None:
    whole = gateway.send("GET", f"/{shards}/{key}")
    for name, content in FILES:
        target = f"/{shards}/{key}?archpath={quote(name, safe='')}"
        got, head = gateway.send("GET", target), gateway.send("HEAD", target)
        assert (got.status, got.body) == (200, content)
        assert got.headers["content-length"] == str(len(content))
        assert got.headers["last-modified"] == whole.headers["last-modified"]
        assert got.headers["content-type"] == "binary/octet-stream"
        assert not {"etag", "x-amz-meta-m", "x-amz-checksum-crc32"} & got.headers.keys()
        for name in ("x-amz-request-id", "x-amz-id-2"):
            assert got.headers.pop(name) != head.headers.pop(name)
        assert (head.status, head.headers) == (200, got.headers)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("wanted", "start", "stop"), [("0-0", 0, 1), ("2-5", 2, 6), ("7-99", 7, 10), ("-3", 7, 10)]
)
def test_a_range_is_one_of_the_member(
    gateway: Gateway, shards: str, key: str, wanted: str, start: int, stop: int
) -> None:
    headers = {"range": f"bytes={wanted}"}
    got = gateway.send("GET", f"/{shards}/{key}?archpath=a/1.jpg", headers)
    assert (got.status, got.body) == (206, FILES[0][1][start:stop])
    assert got.headers["content-range"] == f"bytes {start}-{stop - 1}/10"


@pytest.mark.parametrize("key", KEYS)
def test_a_range_is_of_the_archive_that_the_reader_knows(
    gateway: Gateway, shards: str, key: str
) -> None:
    target, whole = f"/{shards}/{key}?archpath=a/1.jpg", FILES[0][1]
    archive = gateway.send("HEAD", f"/{shards}/{key}").headers
    for validator in (archive["etag"], archive["last-modified"]):
        got = gateway.send("GET", target, {"range": "bytes=2-", "if-range": validator})
        assert (got.status, got.body) == (206, whole[2:])
    got = gateway.send("GET", target, {"range": "bytes=99-", "if-range": '"other"'})
    assert (got.status, got.body) == (200, whole)
    assert "content-range" not in got.headers


def test_a_range_behind_the_member_is_not_satisfiable(gateway: Gateway, shards: str) -> None:
    target = f"/{shards}/shard.tar?archpath=a/1.jpg"
    got = gateway.send("GET", target, {"range": "bytes=10-"})
    assert code_of(got) == (416, "InvalidRange")
    assert got.headers["content-range"] == "bytes */10"


def test_the_member_can_stand_in_a_header_for_clients_that_know_no_parameter(
    gateway: Gateway, s3: Any, shards: str
) -> None:
    def name_member(request: Any, **_: Any) -> None:
        request.headers["x-s3gw-archpath"] = quote("ü b+c.jpg")

    s3.meta.events.register("before-sign.s3.GetObject", name_member)
    try:
        got = s3.get_object(Bucket=shards, Key="shard.zip")["Body"].read()
    finally:
        s3.meta.events.unregister("before-sign.s3.GetObject", name_member)
    assert got == FILES[2][1]
    both = gateway.send(
        "GET", f"/{shards}/shard.tar?archpath=a/1.jpg", {"x-s3gw-archpath": "a/1.cls"}
    )
    assert code_of(both) == (400, "InvalidArgument")
    no_text = gateway.send("GET", f"/{shards}/shard.tar", {"x-s3gw-archpath": "%ff"})
    assert code_of(no_text) == (400, "InvalidArgument")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("where", ["query", "header"])
def test_a_member_cannot_be_written_and_the_archive_stays(
    gateway: Gateway, shards: str, method: str, where: str
) -> None:
    target, headers = f"/{shards}/shard.tar", {}
    if where == "query":
        target += "?archpath=a/1.jpg"
    else:
        headers["x-s3gw-archpath"] = "a/1.jpg"
    assert code_of(gateway.send(method, target, headers)) == (501, "NotImplemented")
    assert gateway.send("GET", f"/{shards}/shard.tar").body == tar(FILES)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("shard.tar?archpath=none", (404, "NoSuchKey")),
        ("shard.tgz?archpath=none", (404, "NoSuchKey")),
        ("none.tar?archpath=a", (404, "NoSuchKey")),
        ("text?archpath=a", (400, "InvalidRequest")),
        ("text?archpath=a&archmime=.tar", (400, "InvalidRequest")),
        ("shard.tar?archpath=a/1.jpg&archmime=.zip", (400, "InvalidRequest")),
        ("shard.tar?archpath=a/1.jpg&archmime=.rar", (400, "InvalidArgument")),
        ("shard.tar?archmime=.tar", (400, "InvalidArgument")),
        ("shard.tar?archpath=a/1.jpg&archregx=a", (400, "InvalidArgument")),
        ("shard.tar?archpath=a/1.jpg&archmode=prefix", (400, "InvalidArgument")),
        ("shard.tar?archregx=a&archmode=guess", (400, "InvalidArgument")),
        ("shard.tar?archregx=(", (400, "InvalidArgument")),
        ("shard.tar?archmode=prefix", (400, "InvalidArgument")),
        ("shard.tar?archregx=none", (404, "NoSuchKey")),
        ("shard.tar?archpath=a/1.jpg&partNumber=1", (400, "InvalidRequest")),
    ],
)
def test_what_cannot_be_is_refused_precisely(
    gateway: Gateway, shards: str, target: str, expected: tuple[int, str]
) -> None:
    assert code_of(gateway.send("GET", f"/{shards}/{target}")) == expected


def test_a_missing_member_is_named(gateway: Gateway, shards: str) -> None:
    error = error_of(gateway.send("GET", f"/{shards}/shard.tar?archpath=none"))
    assert error["Key"] == "shard.tar/none"


def test_parameters_without_a_value_are_as_good_as_none(gateway: Gateway, shards: str) -> None:
    got = gateway.send("GET", f"/{shards}/text?archpath=&archregx=")
    assert (got.status, got.body) == (200, b"no archive" * 100)
    got = gateway.send("GET", f"/{shards}/shard.tar?archpath=a/1.cls&archregx=")
    assert got.body == b"7"


def test_another_name_for_the_format_forces_it(gateway: Gateway, s3: Any, shards: str) -> None:
    s3.put_object(Bucket=shards, Key="odd.zip", Body=made(ArchiveFormat.TAR_LZ4, FILES))
    target = f"/{shards}/odd.zip?archpath=a/1.cls"
    assert gateway.send("GET", target).status == 400
    assert gateway.send("GET", f"{target}&archmime=.tar.lz4").body == b"7"


def test_conditions_are_of_the_archive(gateway: Gateway, s3: Any, shards: str) -> None:
    etag = s3.head_object(Bucket=shards, Key="shard.tar")["ETag"]
    target = f"/{shards}/shard.tar?archpath=a/1.cls"
    assert gateway.send("GET", target, {"if-match": etag}).body == b"7"
    assert gateway.send("GET", target, {"if-none-match": etag}).status == 304
    assert code_of(gateway.send("GET", target, {"if-match": '"0"'})) == (412, "PreconditionFailed")


def test_a_version_is_the_archives(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [
        s3.put_object(Bucket=bucket, Key="s.tar", Body=tar([("a", content)]))["VersionId"]
        for content in (b"old", b"new")
    ]
    for version, content in zip(versions, (b"old", b"new"), strict=True):
        got = gateway.send("GET", f"/{bucket}/s.tar?archpath=a&versionId={version}")
        assert (got.body, got.headers["x-amz-version-id"]) == (content, version)


@pytest.mark.parametrize("key", KEYS)
def test_selected_members_come_as_a_tar(gateway: Gateway, shards: str, key: str) -> None:
    for query, chosen in (
        ("archregx=jpg%24", [0, 2]),
        ("archregx=.jpg&archmode=suffix", [0, 2]),
        ("archregx=a/1&archmode=wdskey", [0, 1]),
        ("archregx=a/&archmode=prefix", [0, 1]),
        ("archregx=cls&archmode=substr", [1]),
    ):
        got = gateway.send("GET", f"/{shards}/{key}?{query}")
        assert (got.status, got.headers["content-type"]) == (200, "application/x-tar")
        with tarfile.open(fileobj=io.BytesIO(got.body)) as archive:
            found = [(each.name, archive.extractfile(each).read()) for each in archive]  # type: ignore[union-attr]
        assert found == [FILES[number] for number in chosen]
    refused = gateway.send("GET", f"/{shards}/{key}?archregx=a", {"range": "bytes=0-1"})
    assert code_of(refused) == (400, "InvalidRequest")
    assert gateway.send("HEAD", f"/{shards}/{key}?archregx=a").status == 400


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_members_of_encrypted_archives_are_read_with_the_same_keys(
    gateway: Gateway, s3: Any, bucket: str, kind: ArchiveFormat
) -> None:
    files = [*FILES, ("big", bytes(1_300_000))]
    body = made(kind, files)
    s3.put_object(Bucket=bucket, Key="a", Body=body, ServerSideEncryption="AES256")
    s3.put_object(Bucket=bucket, Key="c", Body=body, **customer(KEY_A))
    with_key = customer_headers(KEY_A)
    for name, content in files:
        path = f"archpath={quote(name, safe='')}"
        got = gateway.send("GET", f"/{bucket}/a?{path}")
        assert got.body == content
        assert got.headers["x-amz-server-side-encryption"] == "AES256"
        assert code_of(gateway.send("GET", f"/{bucket}/c?{path}")) == (400, "InvalidRequest")
        assert gateway.send("GET", f"/{bucket}/c?{path}", with_key).body == content
    # Who has no key does not learn what is in it, though its index is there.
    assert code_of(gateway.send("GET", f"/{bucket}/c?archpath=none"))[0] == 400
    got = gateway.send("GET", f"/{bucket}/c?archpath=none", with_key)
    assert code_of(got) == (404, "NoSuchKey")


def test_a_key_for_an_archive_in_the_clear_is_refused(gateway: Gateway, shards: str) -> None:
    got = gateway.send("GET", f"/{shards}/shard.tar?archpath=a/1.cls", customer_headers(KEY_A))
    assert code_of(got) == (400, "InvalidRequest")


def test_who_may_not_read_the_archive_may_not_read_its_members(
    gateway: Gateway, shards: str
) -> None:
    target = f"/{shards}/shard.tar?archpath=a/1.cls"
    assert code_of(gateway.send("GET", target, account=BOB)) == (403, "AccessDenied")
    assert code_of(gateway.send("GET", target, account=None)) == (403, "AccessDenied")


def test_the_answers_headers_can_be_chosen_in_the_query(gateway: Gateway, shards: str) -> None:
    target = f"/{shards}/shard.tar?archpath=a/1.jpg&response-content-type=image/jpeg"
    assert gateway.send("GET", target).headers["content-type"] == "image/jpeg"


def test_archives_that_were_uploaded_in_parts_are_archives(
    gateway: Gateway, s3: Any, bucket: str
) -> None:
    files = [(str(number), bytes([number]) * 1_000_000) for number in range(12)]
    archive = tar(files)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="p.tar")["UploadId"]
    parts = []
    for number, at in ((1, 0), (2, 6 << 20)):
        part = s3.upload_part(
            Bucket=bucket, Key="p.tar", UploadId=upload, PartNumber=number,
            Body=archive[at : 6 << 20 if number == 1 else None],
        )  # fmt: skip
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(
        Bucket=bucket, Key="p.tar", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    for name, content in files:
        assert gateway.send("GET", f"/{bucket}/p.tar?archpath={name}").body == content
