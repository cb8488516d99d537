"""Objects that are kept in chunks: no client of S3 can tell, whichever way they came."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.chunked_buckets import keep_in_chunks, kept
from tests.s3.forms import allowed, form, post
from tests.s3.gateway import Gateway
from tests.storage.bodies import pattern

LIMIT, SIZE = 100_000, 60_000
BODY = pattern(250_000)
CHUNKS = 5
ETAG = f'"{hashlib.md5(BODY).hexdigest()}"'
_OF_A_REQUEST = {"date", "x-amz-request-id", "x-amz-id-2", "last-modified"}


@pytest.fixture
def chunked(gateway: Gateway) -> str:
    name = gateway.new_bucket()
    keep_in_chunks(gateway, name, LIMIT, SIZE)
    return name


def facts(gateway: Gateway, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """All of an answer that is about the object."""
    answer = gateway.send("GET", target, headers)
    told = {name: text for name, text in answer.headers.items() if name not in _OF_A_REQUEST}
    return answer.status, told, answer.body


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("", {"range": "bytes=59999-60001"}),
        ("", {"range": "bytes=-70000"}),
        ("", {"x-amz-checksum-mode": "ENABLED"}),
        ("?partNumber=1", {}),
        ("?partNumber=1", {"x-amz-checksum-mode": "ENABLED"}),
        ("?attributes", {"x-amz-object-attributes": "ETag,Checksum,ObjectParts,ObjectSize"}),
    ],
)
def test_a_chunked_object_is_told_as_a_whole_one(
    gateway: Gateway, s3: Any, bucket: str, chunked: str, query: str, headers: dict[str, str]
) -> None:
    for name in (bucket, chunked):
        s3.put_object(
            Bucket=name, Key="k", Body=BODY, ChecksumAlgorithm="SHA256", Metadata={"a": "b"}
        )
    assert [kept(gateway, name, "k").chunks for name in (bucket, chunked)] == [0, CHUNKS]
    whole = facts(gateway, f"/{bucket}/k{query}", **headers)
    assert facts(gateway, f"/{chunked}/k{query}", **headers) == whole
    assert whole[0] in (200, 206)


def test_it_has_no_second_part_and_no_count_of_parts(s3: Any, chunked: str) -> None:
    put = s3.put_object(Bucket=chunked, Key="k", Body=BODY)
    assert put["ETag"] == ETAG
    assert "PartsCount" not in s3.head_object(Bucket=chunked, Key="k", PartNumber=1)
    with pytest.raises(ClientError) as refused:
        s3.head_object(Bucket=chunked, Key="k", PartNumber=2)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_the_limit_of_the_bucket_is_kept_to(
    gateway: Gateway, s3: Any, chunked: str, size: int
) -> None:
    s3.put_object(Bucket=chunked, Key="k", Body=BODY[:size])
    assert kept(gateway, chunked, "k").chunks == (2 if size == LIMIT else 0)


def test_without_properties_nothing_is_cut(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    assert kept(gateway, bucket, "k").chunks == 0


def test_a_body_with_a_trailer_is_cut(gateway: Gateway, s3: Any, chunked: str) -> None:
    s3.put_object(Bucket=chunked, Key="k", Body=BODY, ChecksumAlgorithm="CRC64NVME")
    info = kept(gateway, chunked, "k")
    assert (info.chunks, info.largest_chunk) == (CHUNKS, SIZE)
    wrong = base64.b64encode(bytes(4)).decode()
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=chunked, Key="k", Body=b"x" * LIMIT, ChecksumCRC32=wrong)
    assert refused.value.response["Error"]["Code"] == "BadDigest"
    assert s3.get_object(Bucket=chunked, Key="k")["Body"].read() == BODY


def test_a_copy_is_kept_as_its_own_bucket_says(
    gateway: Gateway, s3: Any, bucket: str, chunked: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    s3.copy_object(Bucket=chunked, Key="k", CopySource=f"{bucket}/k")
    s3.copy_object(Bucket=bucket, Key="again", CopySource=f"{chunked}/k")
    assert kept(gateway, chunked, "k").chunks == CHUNKS
    assert kept(gateway, bucket, "again").chunks == 0
    for name, key in ((chunked, "k"), (bucket, "again")):
        got = s3.get_object(Bucket=name, Key=key)
        assert (got["Body"].read(), got["ETag"]) == (BODY, ETAG)


def test_a_form_of_unknown_length_is_cut_where_it_reaches_the_limit(
    gateway: Gateway, chunked: str
) -> None:
    fields = allowed(chunked, {"key": "k"})
    assert post(gateway, chunked, form(fields, BODY)).status == 204
    info = kept(gateway, chunked, "k")
    assert (info.chunks, info.largest_chunk) == (4, LIMIT)
    answer = gateway.send("GET", f"/{chunked}/k")
    assert (answer.body, answer.headers["etag"]) == (BODY, ETAG)


@pytest.mark.parametrize("scheme", ["AES256", "aws:kms"])
def test_an_encrypted_object_is_cut_too(
    gateway: Gateway, s3: Any, chunked: str, scheme: str
) -> None:
    key = {"SSEKMSKeyId": "team-a"} if scheme == "aws:kms" else {}
    s3.put_object(Bucket=chunked, Key="k", Body=BODY, ServerSideEncryption=scheme, **key)
    assert kept(gateway, chunked, "k").chunks == CHUNKS
    got = s3.get_object(Bucket=chunked, Key="k")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (BODY, scheme)
    ranged = s3.get_object(Bucket=chunked, Key="k", Range=f"bytes={SIZE - 1}-{SIZE}")
    assert ranged["Body"].read() == BODY[SIZE - 1 : SIZE + 1]


def test_the_parts_of_an_upload_are_its_clients(gateway: Gateway, s3: Any, chunked: str) -> None:
    parts = [pattern(5 << 20, 1), b"tail"]
    upload = s3.create_multipart_upload(Bucket=chunked, Key="k")["UploadId"]
    etags = [
        s3.upload_part(Bucket=chunked, Key="k", UploadId=upload, PartNumber=number, Body=part)[
            "ETag"
        ]
        for number, part in enumerate(parts, 1)
    ]
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    s3.complete_multipart_upload(
        Bucket=chunked, Key="k", UploadId=upload, MultipartUpload={"Parts": listed}
    )
    info = kept(gateway, chunked, "k")
    assert (info.parts, info.chunks, info.largest_chunk) == (2, 2, 5 << 20)
