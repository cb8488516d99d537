"""What a client sees of an object, and bytes to store that cannot be mistaken for others."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

BUCKET = "bucket"


def content(seed: int, size: int) -> bytes:
    """Always the same bytes for a seed, without any period."""
    return random.Random(seed).randbytes(size)


def etag_of(body: bytes) -> str:
    """What S3 says of bytes written whole."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def etag_of_parts(*parts: bytes) -> str:
    digests = b"".join(bytes.fromhex(etag_of(part)) for part in parts)
    return f"{etag_of(digests)}-{len(parts)}"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that must come back together: bytes and description of one and the same write."""

    content: bytes
    etag: str
    mark: str

    def __repr__(self) -> str:
        return f"Facts({len(self.content)} B, {self.etag}, {self.mark!r})"


def whole(mark: str, body: bytes) -> Facts:
    return Facts(body, etag_of(body), mark)


def put(client: S3Client, key: str, facts: Facts) -> None:
    metadata = {"mark": facts.mark}
    client.put_object(Bucket=BUCKET, Key=key, Body=facts.content, Metadata=metadata)


def joined(mark: str, *parts: bytes) -> Facts:
    return Facts(b"".join(parts), etag_of_parts(*parts), mark)


def begin_upload(client: S3Client, key: str, mark: str) -> str:
    begun = client.create_multipart_upload(Bucket=BUCKET, Key=key, Metadata={"mark": mark})
    return begun["UploadId"]


def put_part(client: S3Client, key: str, upload: str, number: int, body: bytes) -> None:
    client.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=body)


def complete(client: S3Client, key: str, upload: str, *parts: bytes) -> None:
    """Of the parts from the first to the last."""
    listed: list[CompletedPartTypeDef] = [
        {"PartNumber": number, "ETag": etag_of(part)} for number, part in enumerate(parts, 1)
    ]
    client.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": listed}
    )


def put_in_parts(client: S3Client, key: str, mark: str, *parts: bytes) -> None:
    upload = begin_upload(client, key, mark)
    for number, part in enumerate(parts, 1):
        put_part(client, key, upload, number, part)
    complete(client, key, upload, *parts)


def read_back(client: S3Client, key: str) -> Facts | None:
    """By GET, after HEAD told the same of it; None when there is no such object."""
    try:
        head = client.head_object(Bucket=BUCKET, Key=key)
    except ClientError as error:
        if code_of(error)[0] == 404:
            return None
        raise
    got = client.get_object(Bucket=BUCKET, Key=key)
    body = got["Body"].read()
    assert head["ContentLength"] == got["ContentLength"] == len(body)
    assert (head["ETag"], head["Metadata"]) == (got["ETag"], got["Metadata"])
    return Facts(body, got["ETag"].strip('"'), got["Metadata"].get("mark", ""))


def code_of(error: ClientError) -> tuple[int, str]:
    """HTTP status and S3 code."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
