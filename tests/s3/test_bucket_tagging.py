"""The tags of a bucket."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import Gateway, code_of, error_of


def tag_set(tags: dict[str, str]) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags_of(s3: Any, bucket: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}


def test_a_bucket_without_tags_has_no_tag_set(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("GET", f"/{bucket}?tagging")
    assert code_of(answer) == (404, "NoSuchTagSet")
    assert error_of(answer)["BucketName"] == bucket


def test_tags_are_replaced_and_deleted_whole(s3: Any, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"b": "2", "a": "1"}))
    answer = s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"c ü/+-=._:@": ""}))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags_of(s3, bucket) == {"c ü/+-=._:@": ""}
    for _ in range(2):
        answer = s3.delete_bucket_tagging(Bucket=bucket)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)


def test_an_empty_tag_set_is_none(s3: Any, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"a": "1"}))
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []})
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)


def test_fifty_tags_are_taken_and_one_more_is_not(s3: Any, bucket: str) -> None:
    tags = {f"{n}".ljust(128, "k"): "v" * 256 for n in range(50)}
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set(tags))
    with pytest.raises(ClientError, match="BadRequest"):
        s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({**tags, "one": "more"}))
    assert tags_of(s3, bucket) == tags


@pytest.mark.parametrize("tag", [("k" * 129, "v"), ("k", "v" * 257), ("aws:k", "v"), ("k!", "v")])
def test_tags_that_aws_refuses_change_nothing(s3: Any, bucket: str, tag: tuple[str, str]) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"a": "1"}))
    with pytest.raises(ClientError, match="InvalidTag"):
        s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set(dict([tag])))
    assert tags_of(s3, bucket) == {"a": "1"}


def test_the_same_key_twice_is_refused(s3: Any, bucket: str) -> None:
    twice = {"TagSet": [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}
    with pytest.raises(ClientError, match="InvalidTag"):
        s3.put_bucket_tagging(Bucket=bucket, Tagging=twice)


def test_a_bucket_can_be_made_with_tags(s3: Any, bucket: str) -> None:
    name = f"{bucket}-tagged"
    tags = tag_set({"a": "1"})["TagSet"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
    assert tags_of(s3, name) == {"a": "1"}


def test_a_bucket_with_bad_tags_is_not_made(s3: Any, bucket: str) -> None:
    name = f"{bucket}-tagged"
    tags = tag_set({"aws:a": "1"})["TagSet"]
    with pytest.raises(ClientError, match="InvalidTag"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=name)


def test_tags_of_a_bucket_are_its_owners(gateway: Gateway, bobs: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        bobs.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"a": "1"}))
    with pytest.raises(ClientError, match="NoSuchBucket"):
        bobs.get_bucket_tagging(Bucket="no-such-bucket")
    assert code_of(gateway.send("GET", f"/{bucket}?tagging", account=None))[1] == "AccessDenied"


def test_the_tags_of_bucket_and_object_are_not_one_another(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Tagging="of=object")
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"of": "bucket"}))
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"][0]["Value"] == "object"
    assert tags_of(s3, bucket) == {"of": "bucket"}
