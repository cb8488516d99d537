"""CopyObject and UploadPartCopy."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.s3.slow_reply import SLOW_BYTES
from tests.s3.gateway import BOB, Gateway, code_of, details, error_of, values, xml_of

META = {"ContentType": "text/plain", "Metadata": {"m": "1"}, "Tagging": "t=1"}


@pytest.fixture
def source(s3: Any, bucket: str) -> dict[str, str]:
    s3.put_object(Bucket=bucket, Key="a b/ü+&", Body=b"0123456789", **META)
    return {"Bucket": bucket, "Key": "a b/ü+&"}


def tags(s3: Any, bucket: str, key: str) -> dict[str, str]:
    found = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def test_a_copy_is_the_same_object(s3: Any, bucket: str, source: dict[str, str]) -> None:
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert got["Body"].read() == b"0123456789"
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"m": "1"})
    assert got["ETag"] == copied["ETag"]
    assert tags(s3, bucket, "copy") == {"t": "1"}


def test_a_copy_can_have_its_own_metadata_and_tags(
    s3: Any, bucket: str, source: dict[str, str]
) -> None:
    s3.copy_object(
        Bucket=bucket,
        Key="copy",
        CopySource=source,
        MetadataDirective="REPLACE",
        TaggingDirective="REPLACE",
        Metadata={"n": "2"},
        Tagging="u=2",
    )
    head = s3.head_object(Bucket=bucket, Key="copy")
    assert (head["ContentType"], head["Metadata"]) == ("binary/octet-stream", {"n": "2"})
    assert tags(s3, bucket, "copy") == {"u": "2"}


def test_metadata_that_comes_with_the_copy_directive_is_ignored(
    s3: Any, bucket: str, source: dict[str, str]
) -> None:
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, Metadata={"n": "2"})
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"m": "1"}


@pytest.mark.parametrize("name", ["x-amz-metadata-directive", "x-amz-tagging-directive"])
def test_an_unknown_directive_is_refused(gateway: Gateway, bucket: str, name: str) -> None:
    headers = {"x-amz-copy-source": f"{bucket}/k", name: "MAYBE"}
    assert code_of(gateway.send("PUT", f"/{bucket}/c", headers)) == (400, "InvalidArgument")


def test_a_copy_onto_itself_must_change_something(
    s3: Any, bucket: str, source: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.copy_object(**source, CopySource=source)
    s3.copy_object(
        **source, CopySource=source, MetadataDirective="REPLACE", Metadata={"touched": "yes"}
    )
    got = s3.get_object(**source)
    assert (got["Body"].read(), got["Metadata"]) == (b"0123456789", {"touched": "yes"})
    s3.copy_object(**source, CopySource=source, StorageClass="STANDARD_IA")
    assert s3.head_object(**source)["StorageClass"] == "STANDARD_IA"


def test_a_copy_can_have_another_checksum(s3: Any, bucket: str, source: dict[str, str]) -> None:
    copied = s3.copy_object(**source, CopySource=source, ChecksumAlgorithm="SHA256")
    expected = hashlib.sha256(b"0123456789").digest()
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == base64.b64encode(expected).decode()


CONDITIONS: list[tuple[dict[str, str], bool]] = [
    ({"CopySourceIfMatch": "E"}, True),
    ({"CopySourceIfMatch": "other"}, False),
    ({"CopySourceIfNoneMatch": "other"}, True),
    ({"CopySourceIfNoneMatch": "E"}, False),
    ({"CopySourceIfModifiedSince": "Thu, 01 Jan 2004 00:00:00 GMT"}, True),
    ({"CopySourceIfModifiedSince": "Fri, 01 Jan 2100 00:00:00 GMT"}, True),
    ({"CopySourceIfUnmodifiedSince": "Fri, 01 Jan 2100 00:00:00 GMT"}, True),
    ({"CopySourceIfUnmodifiedSince": "Thu, 01 Jan 2004 00:00:00 GMT"}, False),
]


@pytest.mark.parametrize(("conditions", "holds"), CONDITIONS)
@pytest.mark.parametrize("part", [False, True])
def test_a_copy_keeps_the_conditions_on_its_source(
    s3: Any,
    bucket: str,
    source: dict[str, str],
    conditions: dict[str, str],
    holds: bool,
    part: bool,
) -> None:
    etag = hashlib.md5(b"0123456789").hexdigest()
    target = {"Bucket": bucket, "Key": "copy", "CopySource": source}
    target |= {n: etag if v == "E" else v for n, v in conditions.items()}

    def copy() -> None:
        if not part:
            s3.copy_object(**target)
            return
        upload = s3.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
        s3.upload_part_copy(**target, UploadId=upload, PartNumber=1)

    if holds:
        copy()
        return
    with pytest.raises(ClientError) as error:
        copy()
    assert details(error)["Code"] == "PreconditionFailed"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


@pytest.mark.parametrize("text", ["", "/", "bucket", "bucket/", "/bucket/", "%ff/k"])
def test_a_copy_names_its_source(gateway: Gateway, bucket: str, text: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/c", {"x-amz-copy-source": text})
    assert code_of(answer) == (400, "InvalidArgument")


@pytest.mark.parametrize("text", ["a+b/%C3%BC%2B%26", "a%20b/%c3%bc%2b%26"])
def test_a_plus_in_the_name_of_a_source_is_a_space(
    gateway: Gateway, bucket: str, source: dict[str, str], text: str
) -> None:
    """As at AWS; Go programs that encode the source as a query count on it, s5cmd among them."""
    answer = gateway.send("PUT", f"/{bucket}/c", {"x-amz-copy-source": f"{bucket}/{text}"})
    assert answer.status == 200
    assert gateway.send("GET", f"/{bucket}/c").body == b"0123456789"


def test_a_missing_source_is_named(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/c", {"x-amz-copy-source": f"{bucket}/nope"})
    assert code_of(answer) == (404, "NoSuchKey")
    assert error_of(answer)["Key"] == "nope"
    answer = gateway.send("PUT", f"/{bucket}/c", {"x-amz-copy-source": "no-such/nope"})
    assert code_of(answer) == (404, "NoSuchBucket")


def test_somebody_elses_object_cannot_be_copied(
    gateway: Gateway, bucket: str, source: dict[str, str]
) -> None:
    theirs = gateway.new_bucket(BOB)
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client(BOB).copy_object(Bucket=theirs, Key="k", CopySource=source)


def part_copy(s3: Any, bucket: str, source: dict[str, str], wanted: str) -> bytes:
    upload = {"Bucket": bucket, "Key": "assembled"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source, CopySourceRange=wanted)[
        "CopyPartResult"
    ]
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    return bytes(s3.get_object(Bucket=bucket, Key="assembled")["Body"].read())


def test_a_part_can_be_copied_from_a_range(s3: Any, bucket: str, source: dict[str, str]) -> None:
    assert part_copy(s3, bucket, source, "bytes=2-4") == b"234"
    assert part_copy(s3, bucket, source, "bytes=0-9") == b"0123456789"


@pytest.mark.parametrize(
    "wanted", ["bytes=0-10", "bytes=2-", "bytes=-2", "2-4", "bytes=4-2", "bytes=a-b"]
)
def test_a_range_that_the_source_has_not_is_refused(
    s3: Any, bucket: str, source: dict[str, str], wanted: str
) -> None:
    with pytest.raises(ClientError) as error:
        part_copy(s3, bucket, source, wanted)
    assert details(error)["Code"] == "InvalidArgument"
    assert details(error)["ArgumentName"] == "x-amz-copy-source-range"


def test_a_range_behind_the_source_is_refused(s3: Any, bucket: str, source: dict[str, str]) -> None:
    with pytest.raises(ClientError) as error:
        part_copy(s3, bucket, source, "bytes=10-10")
    assert details(error)["Code"] == "InvalidRequest"


@pytest.fixture
def large(s3: Any, bucket: str) -> bytes:
    body = bytes(SLOW_BYTES + 1)
    s3.put_object(Bucket=bucket, Key="large", Body=body)
    return body


def test_a_large_copy_answers_before_it_is_done(
    gateway: Gateway, s3: Any, bucket: str, large: bytes
) -> None:
    answer = gateway.send("PUT", f"/{bucket}/copy", {"x-amz-copy-source": f"{bucket}/large"})
    assert answer.status == 200
    assert "content-length" not in answer.headers
    etag = f'"{hashlib.md5(large).hexdigest()}"'
    assert values(xml_of(answer), "ETag") == [etag]
    assert s3.head_object(Bucket=bucket, Key="copy")["ETag"] == etag
    # What is known before keeps its status.
    headers = {"x-amz-copy-source": f"{bucket}/large", "if-none-match": "*"}
    assert code_of(gateway.send("PUT", f"/{bucket}/copy", headers))[0] == 412
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    answer = gateway.send(
        "PUT",
        f"/{bucket}/parts?partNumber=1&uploadId={upload}",
        {"x-amz-copy-source": f"{bucket}/large"},
    )
    assert "content-length" not in answer.headers
    assert values(xml_of(answer), "ETag") == [etag]


def test_a_copy_onto_itself_may_name_what_the_object_has(
    s3: Any, bucket: str, source: dict[str, str]
) -> None:
    s3.copy_object(**source, CopySource=source, StorageClass="STANDARD")
    # The encryption that the bucket's owner chose is named by every copy.
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    for _ in range(2):
        s3.copy_object(**source, CopySource=source)


def test_a_copy_onto_itself_loses_the_storage_class_only_by_name(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**source, Body=b"x", StorageClass="STANDARD_IA")
    with pytest.raises(ClientError) as error:
        s3.copy_object(**source, CopySource=source)
    assert details(error)["Code"] == "InvalidRequest"


def test_an_object_of_parts_that_is_copied_onto_itself_is_one_piece(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    upload = where | {"UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"body")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    copied = s3.copy_object(**where, CopySource=where, MetadataDirective="REPLACE")
    assert copied["CopyObjectResult"]["ETag"].strip('"') == hashlib.md5(b"body").hexdigest()
    assert s3.get_object(**where)["Body"].read() == b"body"


def test_a_copied_part_tells_which_version_it_is_of(s3: Any, bucket: str) -> None:
    versioned = {"Bucket": bucket, "VersioningConfiguration": {"Status": "Enabled"}}
    s3.put_bucket_versioning(**versioned)
    version = s3.put_object(Bucket=bucket, Key="a", Body=b"x")["VersionId"]
    begun = s3.create_multipart_upload(Bucket=bucket, Key="b")
    part = s3.upload_part_copy(
        Bucket=bucket, Key="b", UploadId=begun["UploadId"], PartNumber=1, CopySource=f"{bucket}/a"
    )
    assert part["CopySourceVersionId"] == version
    assert not {name for name in part["CopyPartResult"] if name.startswith("Checksum")}
