"""Objects: what was written is what is read, to the byte."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import Gateway, code_of, details, error_of, values, xml_of

ODD_KEYS = [
    "a", "a/", "a/b", "a//b", "//", "/", ".", "..", "../x", "./x", "a/../b", "a/./b", "x/", " ",
    "a b", " lead", "trail ", "a+b", "a%2Fb", "%", "%41", "a&b=c", "a?b", "a#b", "~", "*'()!",
    "ü", "日本語", "🦀", "e\u0301", "\u00e9", "<&>\"'", "a\\b", "a\tb", "a\nb", "a\rb", "\x01",
    "\x7f", "\x00", "a\u2028b", "\ufffe", "aws-chunked", "s3", "s3/x", "v1", "null", "?acl",
    "k" * 1024, "ü" * 512,
]  # fmt: skip


@pytest.mark.parametrize("key", ODD_KEYS, ids=[str(n) for n in range(len(ODD_KEYS))])
def test_every_key_holds_its_own_object(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [each["Key"] for each in listed] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_odd_keys_live_side_by_side_in_the_order_of_their_bytes(s3: Any, bucket: str) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(set(ODD_KEYS), key=str.encode)


@pytest.mark.parametrize("key", ["k" * 1025, "ü" * 512 + "k"])
@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD", "DELETE"])
def test_a_longer_key_is_too_long(gateway: Gateway, bucket: str, method: str, key: str) -> None:
    answer = gateway.send(method, f"/{bucket}/{quote(key)}")
    assert answer.status == 400
    if method != "HEAD":
        assert error_of(answer)["Code"] == "KeyTooLongError"
        assert error_of(answer)["MaxSizeAllowed"] == "1024"


def test_a_key_that_is_no_utf8_is_refused(gateway: Gateway, bucket: str) -> None:
    assert code_of(gateway.send("PUT", f"/{bucket}/%ff%fe")) == (400, "InvalidURI")


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_300_000])
def test_bytes_and_etag_come_back(s3: Any, bucket: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert got["ContentLength"] == size
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'


def test_the_answer_to_a_put_has_no_body_and_no_version(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/k", body=b"x")
    assert (answer.status, answer.body) == (200, b"")
    assert "x-amz-version-id" not in answer.headers


HEADERS = {
    "cache-control": "no-cache, max-age=0",
    "content-disposition": 'attachment; filename="a b.txt"',
    "content-encoding": "deflate, gzip",
    "content-language": "de, en",
    "content-type": "text/plain; charset=utf-8",
    "expires": "not even a date",
    "x-amz-website-redirect-location": "/elsewhere",
    "x-amz-meta-plain": "value",
    "x-amz-meta-spaces": "two  spaces",
    "x-amz-meta-under_score": "kept",
    "x-amz-meta-empty": "",
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_content_headers_and_metadata_come_back_byte_for_byte(
    gateway: Gateway, bucket: str, method: str
) -> None:
    assert gateway.send("PUT", f"/{bucket}/k", HEADERS, b"x").status == 200
    answer = gateway.send(method, f"/{bucket}/k")
    got = {name: answer.headers[name].encode("latin-1").decode() for name in HEADERS}
    assert got == HEADERS


def test_aws_chunked_is_no_content_encoding(gateway: Gateway, bucket: str) -> None:
    for sent, expected in (
        ("aws-chunked", None),
        ("gzip, aws-chunked", "gzip"),
        ("aws-chunked,deflate, gzip", "deflate, gzip"),
    ):
        gateway.send("PUT", f"/{bucket}/k", {"content-encoding": sent}, b"x")
        assert gateway.send("HEAD", f"/{bucket}/k").headers.get("content-encoding") == expected


def test_an_object_without_a_type_is_binary(s3: Any, bucket: str, gateway: Gateway) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "binary/octet-stream"


def test_encoded_metadata_counts_as_it_is_decoded_up_to_a_limit(
    gateway: Gateway, bucket: str
) -> None:
    """What is longer is not decoded."""
    last, most = "=?utf-8?q?ab?=", 8 * 2048 - len("m")
    words = "=?utf-8?q??= " * 1200
    for size, status in ((most, 200), (most + 1, 400)):
        value = words + " " * (size - len(words + last)) + last
        headers = {"x-amz-meta-m": value}
        assert gateway.send("PUT", f"/{bucket}/k", body=b"x", headers=headers).status == status
    assert gateway.send("GET", f"/{bucket}/k").headers["x-amz-meta-m"] == "ab"


def test_metadata_up_to_two_kib_is_taken_and_not_more(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Metadata={"m": "x" * 2047})
    with pytest.raises(ClientError, match="MetadataTooLarge"):
        s3.put_object(Bucket=bucket, Key="k", Metadata={"m": "x" * 2048})


def test_a_storage_class_is_kept_and_listed(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "STANDARD_IA"
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == "STANDARD_IA"
    with pytest.raises(ClientError, match="InvalidStorageClass"):
        s3.put_object(Bucket=bucket, Key="k", StorageClass="CARBONITE")


def test_a_missing_key_is_named_and_the_answer_to_a_head_is_empty(
    gateway: Gateway, bucket: str
) -> None:
    answer = gateway.send("GET", f"/{bucket}/a%2Fmissing%01key")
    assert code_of(answer) == (404, "NoSuchKey")
    error = error_of(answer)
    assert error["Key"] == "a/missing\ufffdkey"
    assert error["RequestId"] == answer.headers["x-amz-request-id"]
    head = gateway.send("HEAD", f"/{bucket}/a%2Fmissing%01key")
    assert (head.status, head.body) == (404, b"")


RANGES = [
    ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
    ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
    ("bytes=7-", 206, b"789", "bytes 7-9/10"),
    ("bytes=9-9", 206, b"9", "bytes 9-9/10"),
    ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
    ("bytes=0-", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=-100", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=4-2", 200, b"0123456789", None),
    ("bytes=0-1,3-4", 200, b"0123456789", None),
    ("bytes=a-b", 200, b"0123456789", None),
    ("bytes=-", 200, b"0123456789", None),
    ("items=0-1", 200, b"0123456789", None),
]


@pytest.mark.parametrize(("wanted", "status", "body", "content_range"), RANGES)
def test_a_range_is_read(
    gateway: Gateway,
    bucket: str,
    wanted: str,
    status: int,
    body: bytes,
    content_range: str | None,
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"0123456789")
    answer = gateway.send("GET", f"/{bucket}/k", {"range": wanted})
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers.get("content-range") == content_range
    head = gateway.send("HEAD", f"/{bucket}/k", {"range": wanted})
    assert (head.status, head.headers["content-length"]) == (status, str(len(body)))


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={10**17}-"])
def test_a_range_behind_the_end_says_how_large_the_object_is(
    gateway: Gateway, bucket: str, wanted: str
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"0123456789")
    answer = gateway.send("GET", f"/{bucket}/k", {"range": wanted})
    assert code_of(answer) == (416, "InvalidRange")
    assert error_of(answer)["ActualObjectSize"] == "10"
    assert answer.headers["content-range"] == "bytes */10"


def test_an_empty_object_has_no_range_but_a_first_part(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k")
    assert code_of(gateway.send("GET", f"/{bucket}/k", {"range": "bytes=0-5"}))[0] == 416
    answer = gateway.send("GET", f"/{bucket}/k?partNumber=1")
    assert (answer.status, answer.body) == (200, b"")


def test_a_plain_object_is_its_own_first_part(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"abc")
    got = s3.get_object(Bucket=bucket, Key="k", PartNumber=1)
    assert (got["Body"].read(), got["ContentRange"]) == (b"abc", "bytes 0-2/3")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert details(error)["Code"] == "InvalidPartNumber"
    assert details(error)["PartNumberRequested"] == "2"


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x"])
def test_a_part_number_has_its_limits(gateway: Gateway, bucket: str, number: str) -> None:
    answer = gateway.send("GET", f"/{bucket}/k?partNumber={number}")
    assert code_of(answer) == (400, "InvalidArgument")


def test_a_part_and_a_range_exclude_each_other(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("GET", f"/{bucket}/k?partNumber=1", {"range": "bytes=0-1"})
    assert code_of(answer) == (400, "InvalidRequest")


def test_a_reader_chooses_the_headers_of_the_answer(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", ContentType="text/plain")
    got = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="x/y",
        ResponseContentLanguage="de",
        ResponseContentEncoding="gzip",
        ResponseCacheControl="no-store",
        ResponseContentDisposition='attachment; filename="é"',
        ResponseExpires="Thu, 01 Dec 1994 16:00:00 GMT",
    )
    assert (got["ContentType"], got["ContentLanguage"], got["ContentEncoding"]) == (
        "x/y",
        "de",
        "gzip",
    )
    assert got["CacheControl"] == "no-store"
    assert got["ContentDisposition"] == "attachment; filename=\"_\"; filename*=UTF-8''%C3%A9"
    assert got["ExpiresString"] == "Thu, 01 Dec 1994 16:00:00 GMT"


@pytest.mark.parametrize("value", ["%E6%97%A5", "a%0D%0Ax%3A%20y", "a%00"])
def test_a_header_that_cannot_be_sent_is_refused(gateway: Gateway, bucket: str, value: str) -> None:
    gateway.send("PUT", f"/{bucket}/k")
    answer = gateway.send("GET", f"/{bucket}/k?response-content-type={value}")
    assert code_of(answer) == (400, "InvalidArgument")


def test_deleting_what_is_not_there_is_no_error(s3: Any, bucket: str) -> None:
    assert s3.delete_object(Bucket=bucket, Key="nope")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_a_thousand_objects_go_in_one_request(s3: Any, bucket: str) -> None:
    for key in ("a", "<&>", "ü"):
        s3.put_object(Bucket=bucket, Key=key)
    keys = ["a", "<&>", "ü", *(f"missing-{n}" for n in range(997))]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert [each["Key"] for each in deleted["Deleted"]] == keys
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_quiet_delete_tells_only_errors(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    objects = [
        {"Key": "a", "ETag": "wrong"},
        {"Key": "b"},
        {"Key": "d", "VersionId": "null"},
        {"Key": "e" * 1025},
        {"Key": "f", "Size": 1},
    ]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    assert "Deleted" not in deleted
    assert [(error["Key"][:1], error["Code"]) for error in deleted["Errors"]] == [
        ("a", "PreconditionFailed"),
        ("e", "KeyTooLongError"),
        ("f", "NotImplemented"),
    ]


@pytest.mark.parametrize("count", [0, 1001])
def test_no_objects_or_too_many_are_malformed(gateway: Gateway, bucket: str, count: int) -> None:
    body = "<Delete>" + "<Object><Key>k</Key></Object>" * count + "</Delete>"
    answer = gateway.send("POST", f"/{bucket}?delete", body=body.encode())
    assert code_of(answer) == (400, "MalformedXML")


def test_the_null_version_is_the_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="NoSuchVersion"):
        s3.get_object(Bucket=bucket, Key="k", VersionId="0" * 32)
    with pytest.raises(ClientError, match="InvalidArgument"):
        s3.get_object(Bucket=bucket, Key="k", VersionId="other")
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_a_version_cannot_be_written(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/k?versionId=null", body=b"x")
    assert code_of(answer) == (400, "InvalidArgument")
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_object_keys_begin_behind_the_bucket_also_below_s3(
    gateway: Gateway, bucket: str, method: str
) -> None:
    gateway.send("PUT", f"/s3/{bucket}//s3/x", body=b"1")
    assert gateway.send(method, f"/{bucket}//s3/x").status in (200, 204)
    listed = xml_of(gateway.send("GET", f"/{bucket}"))
    assert values(listed, "Key") == ([] if method == "DELETE" else ["/s3/x"])
