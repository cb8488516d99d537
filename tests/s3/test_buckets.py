"""Buckets: making, finding, listing and deleting them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import (
    BOB,
    ENDPOINT,
    ROOT,
    Gateway,
    code,
    code_of,
    details,
    error_of,
    values,
    xml_of,
)


def test_a_new_bucket_says_where_it_is(s3: Any) -> None:
    made = s3.create_bucket(Bucket="says-where")
    assert made["Location"] == "/says-where"
    assert s3.head_bucket(Bucket="says-where")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="says-where")["LocationConstraint"] is None


def test_a_location_constraint_is_kept(s3: Any) -> None:
    s3.create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert s3.get_bucket_location(Bucket="far-away")["LocationConstraint"] == "eu-west-1"
    assert s3.head_bucket(Bucket="far-away")["BucketRegion"] == "eu-west-1"


def test_a_location_constraint_that_no_header_could_carry_is_refused(gateway: Gateway) -> None:
    body = (
        b"<CreateBucketConfiguration><LocationConstraint>eu\r\nx: y</LocationConstraint>"
        b"</CreateBucketConfiguration>"
    )
    answer = gateway.send("PUT", "/injected", body=body)
    assert code_of(answer) == (400, "InvalidLocationConstraint")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"CreateBucketConfiguration": {"LocationConstraint": "us-east-1"}},
        {"CreateBucketConfiguration": {"Tags": []}},
        {"ACL": "private", "ObjectLockEnabledForBucket": False},
    ],
)
def test_making_ones_own_bucket_again_is_no_error(
    s3: Any, bucket: str, asked: dict[str, Any]
) -> None:
    assert s3.create_bucket(Bucket=bucket, **asked)["Location"] == f"/{bucket}"


ASKED_FOR = [
    {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}},
    {"CreateBucketConfiguration": {"Tags": [{"Key": "a", "Value": "1"}]}},
    {"ObjectLockEnabledForBucket": True},
    {"ObjectOwnership": "BucketOwnerPreferred"},
]


@pytest.mark.parametrize("asked", ASKED_FOR)
def test_what_is_asked_for_with_ones_own_bucket_is_not_dropped(
    s3: Any, bucket: str, asked: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket=bucket, **asked)
    assert code(error) == "BucketAlreadyOwnedByYou"
    assert details(error)["BucketName"] == bucket


@pytest.mark.parametrize("asked", ASKED_FOR)
def test_what_a_bucket_was_made_with_is_not_asked_for_twice(
    gateway: Gateway, s3: Any, asked: dict[str, Any]
) -> None:
    bucket = f"{gateway.new_bucket()}-again"
    s3.create_bucket(Bucket=bucket, **asked)
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket=bucket, **asked)
    assert code(error) == "BucketAlreadyOwnedByYou"


def test_ones_own_bucket_in_another_region_is_not_made_again(s3: Any, gateway: Gateway) -> None:
    bucket = f"{gateway.new_bucket()}-elsewhere"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "EU"})
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket=bucket)
    assert code(error) == "BucketAlreadyOwnedByYou"


def test_whether_a_new_bucket_locks_objects_is_true_or_false(gateway: Gateway) -> None:
    for value, expected in (("TRUE", 200), ("false", 200), ("yes", 400), ("", 400)):
        name = f"{gateway.new_bucket()}-lock"
        headers = {"x-amz-bucket-object-lock-enabled": value}
        assert gateway.send("PUT", f"/{name}", headers).status == expected


def test_making_somebody_elses_bucket_is_one(bobs: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        bobs.create_bucket(Bucket=bucket)
    assert code(error) == "BucketAlreadyExists"


@pytest.mark.parametrize("name", ["abc", "a" * 63, "1.2.3.4x", "a.b.c", "a--b", "0-0"])
def test_a_name_that_aws_takes_is_taken(gateway: Gateway, name: str) -> None:
    assert gateway.send("PUT", f"/{name}").status == 200


@pytest.mark.parametrize(
    "name",
    f"{64 * 'a'} ab "
    "Abc a_b -abc abc- .abc abc. a..b a.-b a-.b 1.2.3.4 xn--abc sthree-abc amzn-s3-demo-x "
    "abc-s3alias abc--ol-s3 abc.mrap abc--x-s3 abc--table-s3 %C3%BCmlaut a%00bc a%20bc".split(),
)
def test_a_name_that_aws_refuses_is_refused(gateway: Gateway, name: str) -> None:
    assert code_of(gateway.send("PUT", f"/{name}")) == (400, "InvalidBucketName")


def test_a_bucket_with_objects_cannot_be_deleted(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket=bucket)
    assert code(error) == "BucketNotEmpty"
    assert details(error)["BucketName"] == bucket
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.delete_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_unfinished_uploads_do_not_keep_a_bucket(s3: Any, bucket: str) -> None:
    s3.create_multipart_upload(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket=bucket)
    assert code(error) == "404"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/no-such-bucket"),
        ("DELETE", "/no-such-bucket"),
        ("PUT", "/no-such-bucket/key"),
        ("GET", "/no-such-bucket/key"),
        ("GET", "/no-such-bucket?location"),
    ],
)
def test_a_missing_bucket_is_named(gateway: Gateway, method: str, target: str) -> None:
    answer = gateway.send(method, target)
    assert code_of(answer) == (404, "NoSuchBucket")
    assert error_of(answer)["BucketName"] == "no-such-bucket"


def test_everybody_lists_their_own_buckets(gateway: Gateway) -> None:
    mine, theirs = gateway.new_bucket(), gateway.new_bucket(BOB)
    listed = gateway.client(BOB).list_buckets()
    names = [b["Name"] for b in listed["Buckets"]]
    assert theirs in names
    assert mine not in names
    assert listed["Owner"]["ID"] == BOB.account
    assert gateway.client(ROOT).list_buckets(Prefix=mine)["Buckets"][0]["Name"] == mine


def test_buckets_are_listed_by_prefix_and_in_pages(s3: Any) -> None:
    names = [f"paged-{letter}" for letter in "abcde"]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(
        Prefix="paged-", PaginationConfig={"PageSize": 2}
    )
    found = [[b["Name"] for b in page["Buckets"]] for page in pages]
    assert found == [names[:2], names[2:4], names[4:]]


def test_the_last_page_of_buckets_has_no_token(s3: Any) -> None:
    for letter in "ab":
        s3.create_bucket(Bucket=f"exact-{letter}")
    assert "ContinuationToken" not in s3.list_buckets(Prefix="exact-", MaxBuckets=2)
    assert s3.list_buckets(Prefix="exact-", MaxBuckets=1)["ContinuationToken"]


def test_buckets_are_listed_by_region(s3: Any) -> None:
    s3.create_bucket(
        Bucket="regional-x", CreateBucketConfiguration={"LocationConstraint": "ap-south-1"}
    )
    listed = s3.list_buckets(BucketRegion="ap-south-1")["Buckets"]
    assert [(b["Name"], b["BucketRegion"]) for b in listed] == [("regional-x", "ap-south-1")]


@pytest.mark.parametrize("count", ["0", "10001", "-1", "x"])
def test_a_page_of_buckets_has_its_limits(gateway: Gateway, count: str) -> None:
    assert code_of(gateway.send("GET", f"/?max-buckets={count}")) == (400, "InvalidArgument")


def test_a_bucket_is_found_with_and_without_a_slash_and_below_s3(
    gateway: Gateway, bucket: str
) -> None:
    for target in (f"/{bucket}", f"/{bucket}/", f"/s3/{bucket}", f"/s3/{bucket}/"):
        answer = gateway.send("GET", target)
        assert values(xml_of(answer), "Name") == [bucket]


def test_a_target_in_absolute_form_is_understood(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("GET", f"/{bucket}")
    signed = gateway.send("HEAD", f"/{bucket}")
    assert (answer.status, signed.status) == (200, 200)
    absolute = gateway.server.request("GET", f"{ENDPOINT}/{bucket}", [("host", "127.0.0.1")])
    # Nobody signed it, but it was found to be about a bucket.
    assert code_of(absolute) == (403, "AccessDenied")
