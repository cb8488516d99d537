"""RenameObject: the same object under another name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import Gateway, code, code_of

BODY = b"x" * 100_000


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return code(error)


def test_everything_but_the_name_stays(s3: Any, bucket: str) -> None:
    new = "c/d"
    s3.put_object(
        Bucket=bucket,
        Key="a b/ü",
        Body=BODY,
        Metadata={"m": "1"},
        ContentType="text/x",
        Tagging="t=1",
    )
    before = s3.head_object(Bucket=bucket, Key="a b/ü", ChecksumMode="ENABLED")
    s3.rename_object(Bucket=bucket, Key=new, RenameSource=f"{bucket}/a%20b/%C3%BC")
    after = s3.get_object(Bucket=bucket, Key=new)
    assert after["Body"].read() == BODY
    for fact in ("ETag", "LastModified", "Metadata", "ContentType", "ChecksumCRC32"):
        assert after.get(fact) == before.get(fact)
    assert s3.get_object_tagging(Bucket=bucket, Key=new)["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert refused(s3.head_object, Bucket=bucket, Key="a b/ü") == "404"


def test_what_had_the_name_is_replaced(s3: Any, bucket: str) -> None:
    for key, body in (("a", b"a"), ("b", b"b")):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    s3.rename_object(Bucket=bucket, Key="b", RenameSource=f"{bucket}/a")
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"a"
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["b"]


def test_an_upload_of_parts_is_renamed_with_them(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    parts = []
    for number, body in ((1, b"x" * (5 << 20)), (2, b"y")):
        part = s3.upload_part(Bucket=bucket, Key="a", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(
        Bucket=bucket, Key="a", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    s3.rename_object(Bucket=bucket, Key="b", RenameSource=f"{bucket}/a")
    assert s3.get_object(Bucket=bucket, Key="b", PartNumber=2)["Body"].read() == b"y"


def test_conditions_are_of_both_names(s3: Any, bucket: str) -> None:
    etags = {
        key: s3.put_object(Bucket=bucket, Key=key, Body=key.encode())["ETag"] for key in ("a", "b")
    }
    attempt = {"Bucket": bucket, "Key": "b", "RenameSource": f"{bucket}/a"}
    for wrong in (
        {"DestinationIfNoneMatch": "*"},
        {"DestinationIfMatch": etags["a"]},
        {"SourceIfMatch": etags["b"]},
        {"SourceIfNoneMatch": etags["a"]},
    ):
        assert refused(s3.rename_object, **attempt, **wrong) == "PreconditionFailed"
    s3.rename_object(**attempt, DestinationIfMatch=etags["b"], SourceIfMatch=etags["a"])
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"a"


def test_a_repeated_rename_is_answered_as_the_first_one(
    gateway: Gateway, s3: Any, bucket: str
) -> None:
    new = "b"
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    rename = {"Bucket": bucket, "Key": new, "RenameSource": f"{bucket}/a"}
    for _ in range(2):
        s3.rename_object(**rename, ClientToken="token-1")
    assert s3.get_object(Bucket=bucket, Key=new)["Body"].read() == b"x"
    assert refused(s3.rename_object, **rename, ClientToken="token-2") == "NoSuchKey"


def test_with_versions_a_marker_takes_its_place(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=bucket, Key="a", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="a", Body=b"new")
    s3.rename_object(Bucket=bucket, Key="b", RenameSource=f"{bucket}/a")
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"new"
    assert refused(s3.head_object, Bucket=bucket, Key="a") == "404"
    assert s3.get_object(Bucket=bucket, Key="a", VersionId=old)["Body"].read() == b"old"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("B/none", (404, "NoSuchKey")),
        ("other-bucket/a", (400, "InvalidRequest")),
        ("B/b", (400, "InvalidRequest")),
        ("B", (400, "InvalidArgument")),
        ("", (400, "InvalidArgument")),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(
    gateway: Gateway, bucket: str, source: str, expected: tuple[int, str]
) -> None:
    gateway.send("PUT", f"/{bucket}/b", body=b"b")
    headers = {"x-amz-rename-source": source.replace("B", bucket, 1)}
    answer = gateway.send("PUT", f"/{bucket}/b?renameObject", headers)
    assert code_of(answer) == expected
    assert gateway.send("GET", f"/{bucket}/b").body == b"b"
