"""SSE-C: the customer's key must come with every request that touches the bytes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.s3.gateway import Gateway, code_of
from tests.s3.sse import (
    CUSTOMER,
    KEY_A,
    KEY_B,
    LARGE,
    SCHEMES,
    customer,
    customer_headers,
    md5_text,
    refused,
)

every_scheme = pytest.mark.parametrize("scheme", SCHEMES)
SSE = "x-amz-server-side-encryption"


@pytest.mark.parametrize("operation", ["get_object", "head_object", "attributes"])
def test_the_customers_key_must_come_again(s3: Any, bucket: str, operation: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"bytes", **customer(KEY_A))

    def ask(**more: Any) -> Any:
        if operation == "attributes":
            if more:  # botocore encodes the key of all operations but this one
                key = more["SSECustomerKey"]
                more |= {"SSECustomerKeyMD5": md5_text(key)}
                more |= {"SSECustomerKey": base64.b64encode(key).decode()}
            more["ObjectAttributes"] = ["ETag", "ObjectSize"]
            return s3.get_object_attributes(Bucket=bucket, Key="k", **more)
        return getattr(s3, operation)(Bucket=bucket, Key="k", **more)

    assert refused(ask)[0] == 400
    assert refused(ask, **customer(KEY_B))[0] == 403
    ask(**customer(KEY_A))


@pytest.mark.parametrize("scheme", ["none", "sse-s3", "sse-kms"])
@pytest.mark.parametrize("body", [b"bytes", LARGE])
def test_a_key_is_not_applicable_to_objects_that_need_none(
    s3: Any, bucket: str, scheme: str, body: bytes
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=body, **SCHEMES[scheme])
    where = {"Bucket": bucket, "Key": "k", **customer(KEY_A)}
    assert refused(s3.get_object, **where) == (400, "InvalidRequest")
    assert refused(s3.head_object, **where)[0] == 400


def test_a_key_of_another_length_is_refused_by_whoever_would_use_it(
    gateway: Gateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **customer(KEY_A))
    too_long = customer_headers(KEY_A + b"x")
    assert code_of(gateway.send("GET", f"/{bucket}/k", too_long)) == (403, "AccessDenied")
    assert gateway.send("HEAD", f"/{bucket}/k", too_long).status == 403
    assert code_of(gateway.send("PUT", f"/{bucket}/k", too_long)) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({f"{CUSTOMER}-algorithm": "AES128"}, "InvalidEncryptionAlgorithmError"),
        ({f"{CUSTOMER}-algorithm": None}, "InvalidArgument"),
        ({f"{CUSTOMER}-key": None}, "InvalidArgument"),
        ({f"{CUSTOMER}-key": "c2hvcnQ="}, "InvalidArgument"),
        ({f"{CUSTOMER}-key": "not base64"}, "InvalidArgument"),
        ({f"{CUSTOMER}-key-md5": None}, "InvalidArgument"),
        ({f"{CUSTOMER}-key-md5": md5_text(KEY_B)}, "InvalidArgument"),
        ({f"{CUSTOMER}-key-md5": "\u00e9"}, "InvalidArgument"),
        ({"x-amz-server-side-encryption": "AES256"}, "InvalidArgument"),
        ({"x-amz-server-side-encryption": "aws:kms"}, "InvalidArgument"),
        ({f"{CUSTOMER}-unknown": "1"}, "NotImplemented"),
    ],
)
def test_half_a_customers_key_is_refused_and_never_shown(
    gateway: Gateway, bucket: str, change: dict[str, str | None], code: str
) -> None:
    changed = {**customer_headers(KEY_A), **change}
    headers = {name: value for name, value in changed.items() if value is not None}
    for method, target in (("PUT", f"/{bucket}/k"), ("POST", f"/{bucket}/k?uploads")):
        answer = gateway.send(method, target, headers)
        assert code_of(answer)[1] == code
        assert base64.b64encode(KEY_A) not in answer.body


def test_parts_of_an_upload_need_its_key(s3: Any, bucket: str) -> None:
    how = {"ChecksumAlgorithm": "CRC32", **customer(KEY_A)}
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", **how)
    where = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    part = {**where, "PartNumber": 1, "Body": b"1"}
    assert refused(s3.upload_part, **part) == (400, "InvalidRequest")
    assert refused(s3.upload_part, **part, **customer(KEY_B)) == (400, "InvalidRequest")
    stored = s3.upload_part(**part, **customer(KEY_A))
    parts = [{name: stored[name] for name in ("ETag", "ChecksumCRC32")} | {"PartNumber": 1}]
    done = {**where, "MultipartUpload": {"Parts": parts}}
    assert refused(s3.complete_multipart_upload, **done) == (400, "InvalidRequest")
    assert refused(s3.complete_multipart_upload, **done, **customer(KEY_B))[0] == 400
    s3.complete_multipart_upload(**done, **customer(KEY_A))
    s3.complete_multipart_upload(**done, **customer(KEY_A))


def test_completing_needs_the_key_only_where_a_checksum_was_asked_for(s3: Any, bucket: str) -> None:
    """As AWS has it, and minio-py relies on it."""
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", **customer(KEY_A))
    where = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    part = s3.upload_part(**where, PartNumber=1, Body=b"1", **customer(KEY_A))
    done = {**where, "MultipartUpload": {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}}
    assert refused(s3.complete_multipart_upload, **done, **customer(KEY_B))[0] == 400
    s3.complete_multipart_upload(**done)


def test_an_upload_without_a_customers_key_takes_none_for_its_parts(s3: Any, bucket: str) -> None:
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k")
    part = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"], "PartNumber": 1}
    assert refused(s3.upload_part, **part, Body=b"1", **customer(KEY_A)) == (400, "InvalidRequest")


@pytest.mark.parametrize("key", [None, KEY_B])
def test_the_source_of_a_copy_needs_its_key(s3: Any, bucket: str, key: bytes | None) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"bytes", **customer(KEY_A))
    copy = {"Bucket": bucket, "Key": "b", "CopySource": {"Bucket": bucket, "Key": "a"}}
    opened = customer(key, "CopySource") if key else {}
    assert refused(s3.copy_object, **copy, **opened)[0] == (403 if key else 400)
    assert refused(s3.head_object, Bucket=bucket, Key="b")[0] == 404


def test_a_key_for_a_copys_source_in_the_clear_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"bytes")
    copy = {"Bucket": bucket, "Key": "b", "CopySource": {"Bucket": bucket, "Key": "a"}}
    assert refused(s3.copy_object, **copy, **customer(KEY_A, "CopySource"))[0] == 400


def test_a_url_presigned_for_an_encryption_brings_it(gateway: Gateway, bucket: str) -> None:
    """botocore presigns with Signature Version 2 here, which takes headers into the query."""
    s3 = gateway.client()
    url = s3.generate_presigned_url(
        "put_object",
        {"Bucket": bucket, "Key": "k", "ServerSideEncryption": "AES256"},
    )
    target = url.partition("127.0.0.1")[2]
    in_query = "x-amz-server-side-encryption" in target.lower()
    sent = {} if in_query else {"x-amz-server-side-encryption": "AES256"}
    assert gateway.send("PUT", target, sent, b"bytes", account=None).status == 200
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
