"""Archives as folders: members read and listed as keys by S3 clients as they come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.config.bucket_properties import BucketProperties
from storage.archives import ArchiveFormat
from storage.settings import with_setting
from tests.archives.made import made, tar
from tests.s3.gateway import ALICE, BOB, Gateway, code, code_of, error_of
from tests.s3.sse import KEY_A, customer, customer_headers

FILES = [("a/1.jpg", b"0123456789"), ("a/2.cls", b"7"), ("ü b+c.jpg", b"x" * 70_000), ("z", b"")]
SHARDS = [f"shard{kind.value}" for kind in ArchiveFormat]


def open_folders(gateway: Gateway, bucket: str) -> str:
    """What an administrator does with the bucket's properties."""
    properties = BucketProperties(archives_as_folders=True)
    store = gateway.store
    gateway.server.run(store.update_bucket(bucket, lambda b: with_setting(b, properties)))
    return bucket


@pytest.fixture(scope="module")
def shards(gateway: Gateway) -> str:
    """A bucket with one archive of each format; only read."""
    bucket = open_folders(gateway, gateway.new_bucket())
    for kind, key in zip(ArchiveFormat, SHARDS, strict=True):
        gateway.client().put_object(Bucket=bucket, Key=key, Body=made(kind, FILES))
    gateway.client().put_object(Bucket=bucket, Key="no.tar", Body=b"no archive" * 100)
    return bucket


def keys(page: Any) -> list[str]:
    return [each["Key"] for each in page.get("Contents", [])]


@pytest.mark.parametrize("shard", SHARDS)
def test_a_member_is_read_like_an_object(
    gateway: Gateway, s3: Any, shards: str, shard: str
) -> None:
    for name, content in FILES:
        asked = {"Bucket": shards, "Key": f"{shard}/{name}"}
        got, head = s3.get_object(**asked), s3.head_object(**asked)
        assert got["Body"].read() == content
        assert head["ContentLength"] == got["ContentLength"] == len(content)
        assert head["ETag"] == got["ETag"]
        assert got["LastModified"] == s3.head_object(Bucket=shards, Key=shard)["LastModified"]
        assert got["ContentType"] == "binary/octet-stream"
        assert got["AcceptRanges"] == "bytes"


@pytest.mark.parametrize("shard", SHARDS)
def test_a_range_is_of_the_member_that_the_reader_knows(
    gateway: Gateway, shards: str, shard: str
) -> None:
    target, whole = f"/{shards}/{shard}/{FILES[0][0]}", FILES[0][1]
    etag = gateway.send("HEAD", target).headers["etag"]
    got = gateway.send("GET", target, {"range": "bytes=2-", "if-range": etag})
    assert (got.status, got.body) == (206, whole[2:])
    got = gateway.send("GET", target, {"range": "bytes=99-", "if-range": '"other"'})
    assert (got.status, got.body) == (200, whole)
    assert "content-range" not in got.headers


@pytest.mark.parametrize("shard", SHARDS)
def test_a_range_of_a_member(s3: Any, shards: str, shard: str) -> None:
    asked = {"Bucket": shards, "Key": f"{shard}/a/1.jpg"}
    got = s3.get_object(**asked, Range="bytes=2-4")
    assert (got["Body"].read(), got["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert s3.head_object(**asked, Range="bytes=-3")["ContentLength"] == 3
    assert s3.get_object(**asked, PartNumber=1)["Body"].read() == b"0123456789"
    with pytest.raises(ClientError) as error:
        s3.get_object(**asked, Range="bytes=10-")
    assert code(error) == "InvalidRange"
    with pytest.raises(ClientError) as error:
        s3.get_object(**asked, PartNumber=2)
    assert code(error) == "InvalidPartNumber"


def test_conditions_are_of_the_member(s3: Any, shards: str) -> None:
    asked = {"Bucket": shards, "Key": "shard.tar/a/1.jpg"}
    etag = s3.head_object(**asked)["ETag"]
    assert "-" in etag
    assert etag != s3.head_object(Bucket=shards, Key="shard.tar/a/2.cls")["ETag"]
    assert s3.get_object(**asked, IfMatch=etag)["Body"].read() == b"0123456789"
    for refused, expected in (
        ({"IfMatch": '"0"'}, "PreconditionFailed"),
        ({"IfNoneMatch": etag}, "304"),
    ):
        with pytest.raises(ClientError) as error:
            s3.get_object(**asked, **refused)
        assert code(error) == expected


@pytest.mark.parametrize(
    "key", ["shard.tar/none", "shard.tar/a", "shard.tar/", "no.tar/a", "shard.tar/./z"]
)
def test_what_is_no_member_is_no_key(gateway: Gateway, shards: str, key: str) -> None:
    refused = gateway.send("GET", f"/{shards}/{key}")
    assert code_of(refused) == (404, "NoSuchKey")
    assert error_of(refused)["Key"] == key
    assert gateway.send("HEAD", f"/{shards}/{key}").status == 404


def test_without_the_property_there_are_no_folders(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="s.tar", Body=tar(FILES))
    assert code_of(gateway.send("GET", f"/{bucket}/s.tar/a/1.jpg")) == (404, "NoSuchKey")
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix="s.tar/")) == []


@pytest.mark.parametrize("shard", SHARDS)
def test_a_prefix_that_reaches_into_an_archive_lists_members(
    s3: Any, shards: str, shard: str
) -> None:
    for listing in (s3.list_objects, s3.list_objects_v2):
        page = listing(Bucket=shards, Prefix=f"{shard}/")
        assert keys(page) == sorted(f"{shard}/{name}" for name, _ in FILES)
        for each in page["Contents"]:
            head = s3.head_object(Bucket=shards, Key=each["Key"])
            assert (each["Size"], each["ETag"]) == (head["ContentLength"], head["ETag"])
            assert each["LastModified"] == head["LastModified"]
        page = listing(Bucket=shards, Prefix=f"{shard}/", Delimiter="/")
        assert page["CommonPrefixes"] == [{"Prefix": f"{shard}/a/"}]
        assert keys(page) == [f"{shard}/z", f"{shard}/ü b+c.jpg"]
        assert keys(listing(Bucket=shards, Prefix=f"{shard}/a/1")) == [f"{shard}/a/1.jpg"]


def test_other_listings_show_archives_as_objects(s3: Any, shards: str) -> None:
    expected = sorted([*SHARDS, "no.tar"])
    assert keys(s3.list_objects_v2(Bucket=shards)) == expected
    page = s3.list_objects_v2(Bucket=shards, Delimiter="/")
    assert keys(page) == expected
    assert "CommonPrefixes" not in page
    assert keys(s3.list_objects_v2(Bucket=shards, Prefix="shard.tar")) == [
        "shard.tar",
        "shard.tar.lz4",
    ]
    assert keys(s3.list_objects_v2(Bucket=shards, Prefix="no.tar/")) == []
    versions = s3.list_object_versions(Bucket=shards, Prefix="shard.tar/")
    assert "Versions" not in versions


def test_members_are_listed_page_by_page(gateway: Gateway, s3: Any, bucket: str) -> None:
    open_folders(gateway, bucket)
    names = [f"d{number % 3}/{number:04}" for number in range(250)]
    s3.put_object(Bucket=bucket, Key="in/s.tar", Body=tar([(name, b"x") for name in names]))
    s3.put_object(Bucket=bucket, Key="in/s.tar/d1/object", Body=b"")
    expected = sorted(f"in/s.tar/{name}" for name in [*names, "d1/object"])
    for operation in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(operation).paginate(
            Bucket=bucket, Prefix="in/s.tar/", PaginationConfig={"PageSize": 60}
        )
        assert [key for page in pages for key in keys(page)] == expected
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="in/s.tar/", Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    prefixes = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
    assert prefixes == ["in/s.tar/d0/", "in/s.tar/d1/", "in/s.tar/d2/"]


def test_an_object_of_that_key_comes_first(gateway: Gateway, s3: Any, bucket: str) -> None:
    open_folders(gateway, bucket)
    s3.put_object(Bucket=bucket, Key="s.tar", Body=tar(FILES))
    s3.put_object(Bucket=bucket, Key="s.tar/z", Body=b"an object")
    assert s3.get_object(Bucket=bucket, Key="s.tar/z")["Body"].read() == b"an object"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="s.tar/z")["Contents"]
    assert [(each["Key"], each["Size"]) for each in listed] == [("s.tar/z", 9)]
    s3.delete_object(Bucket=bucket, Key="s.tar/z")
    assert s3.get_object(Bucket=bucket, Key="s.tar/z")["Body"].read() == b""
    # There is nothing left to delete: members are read-only.
    s3.delete_object(Bucket=bucket, Key="s.tar/z")
    assert s3.head_object(Bucket=bucket, Key="s.tar/z")["ContentLength"] == 0


def test_an_archive_that_was_replaced_has_other_members(
    gateway: Gateway, s3: Any, bucket: str
) -> None:
    open_folders(gateway, bucket)
    s3.put_object(Bucket=bucket, Key="s.tar", Body=tar([("a", b"1")]))
    etag = s3.head_object(Bucket=bucket, Key="s.tar/a")["ETag"]
    s3.put_object(Bucket=bucket, Key="s.tar", Body=tar([("a", b"2"), ("b", b"")]))
    got = s3.get_object(Bucket=bucket, Key="s.tar/a")
    assert got["Body"].read() == b"2"
    assert got["ETag"] != etag
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix="s.tar/")) == ["s.tar/a", "s.tar/b"]


def allow(s3: Any, bucket: str, *statements: tuple[str, str, str]) -> None:
    """A policy about Bob: effect, action and what in the bucket."""
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": effect,
                "Principal": {"AWS": BOB.account},
                "Action": action,
                "Resource": f"arn:aws:s3:::{bucket}{what}",
            }
            for effect, action, what in statements
        ],
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))


def test_who_may_read_the_archive_may_read_its_members(
    gateway: Gateway, s3: Any, bobs: Any, bucket: str
) -> None:
    open_folders(gateway, bucket)
    s3.put_object(Bucket=bucket, Key="s.tar", Body=tar([("open/a", b"1"), ("shut/b", b"2")]))
    target = f"/{bucket}/s.tar"
    assert gateway.send("GET", f"{target}/open/a", account=BOB).status == 403
    allow(s3, bucket, ("Allow", "s3:GetObject", "/s.tar/*"))
    assert gateway.send("GET", f"{target}/open/a", account=BOB).status == 403
    allow(
        s3, bucket,
        ("Allow", "s3:GetObject", "/s.tar"),
        ("Deny", "s3:GetObject", "/s.tar/shut/*"),
    )  # fmt: skip
    assert gateway.send("GET", f"{target}/open/a", account=BOB).body == b"1"
    assert gateway.send("HEAD", f"{target}/open/a", account=BOB).status == 200
    assert gateway.send("GET", f"{target}/shut/b", account=BOB).status == 403
    assert gateway.send("GET", f"{target}/open/a", account=None).status == 403
    assert gateway.send("GET", f"{target}/shut/b", account=ALICE).body == b"2"


def test_who_may_not_read_the_archive_does_not_learn_what_is_in_it(
    gateway: Gateway, s3: Any, bobs: Any, bucket: str
) -> None:
    open_folders(gateway, bucket)
    s3.put_object(Bucket=bucket, Key="s.tar", Body=tar([("a", b"1")]))
    allow(s3, bucket, ("Allow", "s3:ListBucket", ""))
    assert keys(bobs.list_objects_v2(Bucket=bucket, Prefix="s.tar/")) == []
    allow(s3, bucket, ("Allow", "s3:ListBucket", ""), ("Allow", "s3:GetObject", "/s.tar"))
    assert keys(bobs.list_objects_v2(Bucket=bucket, Prefix="s.tar/")) == ["s.tar/a"]


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_encrypted_archives_are_folders_to_who_has_the_key(
    gateway: Gateway, s3: Any, bucket: str, kind: ArchiveFormat
) -> None:
    open_folders(gateway, bucket)
    shard, secret = f"a{kind.value}", f"c{kind.value}"
    s3.put_object(Bucket=bucket, Key=shard, Body=made(kind, FILES), ServerSideEncryption="AES256")
    s3.put_object(Bucket=bucket, Key=secret, Body=made(kind, FILES), **customer(KEY_A))
    got = s3.get_object(Bucket=bucket, Key=f"{shard}/a/1.jpg")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (b"0123456789", "AES256")
    assert len(keys(s3.list_objects_v2(Bucket=bucket, Prefix=f"{shard}/"))) == len(FILES)
    target = f"/{bucket}/{secret}/a/1.jpg"
    assert code_of(gateway.send("GET", target)) == (400, "InvalidRequest")
    assert gateway.send("GET", target, customer_headers(KEY_A)).body == b"0123456789"
    # A listing has no key with it.
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix=f"{secret}/")) == []


def test_a_version_of_a_key_is_an_objects(gateway: Gateway, s3: Any, bucket: str) -> None:
    open_folders(gateway, bucket)
    s3.put_object(Bucket=bucket, Key="s.tar", Body=tar(FILES))
    answer = gateway.send("GET", f"/{bucket}/s.tar/z?versionId=null")
    assert code_of(answer) == (404, "NoSuchVersion")
