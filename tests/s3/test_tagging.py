"""Object tags, with the object and on their own."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import Gateway, code_of


@pytest.fixture
def target(s3: Any, bucket: str) -> dict[str, str]:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="b=2&a=1&empty")
    return {"Bucket": bucket, "Key": "k"}


def tag_set(tags: dict[str, str]) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags_of(s3: Any, target: dict[str, str]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(**target)["TagSet"]}


def test_tags_that_come_with_the_object_are_kept_and_counted(
    s3: Any, target: dict[str, str]
) -> None:
    assert tags_of(s3, target) == {"a": "1", "b": "2", "empty": ""}
    assert s3.get_object(**target)["TagCount"] == 3


def test_tags_are_replaced_and_deleted_whole(s3: Any, target: dict[str, str]) -> None:
    before = s3.head_object(**target)
    s3.put_object_tagging(**target, Tagging=tag_set({"c ü/+-=._:@": "x"}))
    assert tags_of(s3, target) == {"c ü/+-=._:@": "x"}
    s3.delete_object_tagging(**target)
    assert tags_of(s3, target) == {}
    after = s3.head_object(**target)
    assert (after["ETag"], after["LastModified"]) == (before["ETag"], before["LastModified"])
    assert "TagCount" not in after


REFUSED = [
    ({f"k{n}": "v" for n in range(11)}, "BadRequest"),
    ({"": "v"}, "InvalidTag"),
    ({"k" * 129: "v"}, "InvalidTag"),
    ({"k": "v" * 257}, "InvalidTag"),
    ({"aws:k": "v"}, "InvalidTag"),
    ({"k!": "v"}, "InvalidTag"),
    ({"k": "v&"}, "InvalidTag"),
    ({"k\n": "v"}, "InvalidTag"),
]


@pytest.mark.parametrize(("tags", "code"), REFUSED)
def test_tags_that_aws_refuses_change_nothing(
    gateway: Gateway, s3: Any, target: dict[str, str], tags: dict[str, str], code: str
) -> None:
    inside = "".join(
        f"<Tag><Key>{k}</Key><Value>{v.replace('&', '&amp;')}</Value></Tag>"
        for k, v in tags.items()
    )
    body = f"<Tagging><TagSet>{inside}</TagSet></Tagging>"
    answer = gateway.send("PUT", f"/{target['Bucket']}/k?tagging", body=body.encode())
    assert code_of(answer) == (400, code)
    assert len(tags_of(s3, target)) == 3


def test_as_much_as_fits_is_taken(s3: Any, target: dict[str, str]) -> None:
    tags = {f"{n}" + "k" * 127: "v" * 256 for n in range(10)}
    s3.put_object_tagging(**target, Tagging=tag_set(tags))
    assert tags_of(s3, target) == tags


@pytest.mark.parametrize("text", ["a=1&a=2", "%FF=1", "&"])
def test_a_tagging_header_that_is_no_query_is_refused(
    gateway: Gateway, bucket: str, text: str
) -> None:
    answer = gateway.send("PUT", f"/{bucket}/k", {"x-amz-tagging": text}, b"x")
    assert code_of(answer) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "body", [b"", b"<Tagging>", b"<Tags/>", b"<Tagging><TagSet><Tag/></TagSet></Tagging>"]
)
def test_a_document_that_is_no_tagging_is_refused(
    gateway: Gateway, target: dict[str, str], body: bytes
) -> None:
    answer = gateway.send("PUT", f"/{target['Bucket']}/k?tagging", body=body)
    expected = "MalformedXML" if body else "MissingRequestBodyError"
    assert code_of(answer) == (400, expected)


def test_a_missing_object_has_no_tags(s3: Any, bucket: str) -> None:
    for call in (s3.get_object_tagging, s3.delete_object_tagging):
        with pytest.raises(ClientError, match="NoSuchKey"):
            call(Bucket=bucket, Key="nope")


def test_an_upload_brings_its_tags_to_the_object(s3: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, Tagging="a=1")["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = [{"PartNumber": 1, "ETag": etag}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert tags_of(s3, {"Bucket": bucket, "Key": "k"}) == {"a": "1"}
