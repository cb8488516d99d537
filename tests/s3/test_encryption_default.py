"""SSE-KMS and its keys, headers that exclude one another, and the defaults of buckets."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import Gateway, code_of, details
from tests.s3.sse import (
    KEY_A,
    KMS_A,
    SCHEMES,
    customer,
    default_to,
    expected,
    put_rule,
    refused,
    shown,
)

every_scheme = pytest.mark.parametrize("scheme", SCHEMES)
SSE = "x-amz-server-side-encryption"


def test_kms_without_a_key_uses_the_default_one(s3: Any, bucket: str) -> None:
    written = s3.put_object(Bucket=bucket, Key="k", Body=b"b", ServerSideEncryption="aws:kms")
    assert written["SSEKMSKeyId"] == "aws/s3"


def test_a_key_may_be_named_by_its_arn(s3: Any, bucket: str) -> None:
    arn = "arn:aws:kms:us-east-1:111122223333:key/team-a"
    how = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn}
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"b", **how)["SSEKMSKeyId"] == "team-a"


def test_an_unknown_kms_key_is_not_found(s3: Any, bucket: str) -> None:
    how = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "nobody"}
    asked = {"Bucket": bucket, "Key": "k", **how}
    assert refused(s3.put_object, **asked, Body=b"b") == (400, "KMS.NotFoundException")
    assert refused(s3.create_multipart_upload, **asked) == (400, "KMS.NotFoundException")


def test_the_context_is_kept_and_told_to_the_writer(s3: Any, bucket: str) -> None:
    context = base64.b64encode(json.dumps({"b": "2", "a": "1"}).encode()).decode()
    asked = {"Bucket": bucket, "Key": "k", "SSEKMSEncryptionContext": context, **KMS_A}
    written = s3.put_object(**asked, Body=b"bytes", BucketKeyEnabled=True)
    told = json.loads(base64.b64decode(written["SSEKMSEncryptionContext"]))
    assert told == {"a": "1", "b": "2"}
    assert written["BucketKeyEnabled"] is True
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"bytes"
    assert got["BucketKeyEnabled"] is True


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({SSE: "aes:kms"}, "InvalidArgument"),
        ({SSE: ""}, "InvalidArgument"),
        ({SSE: "aws:fsx"}, "InvalidArgument"),
        ({SSE: "aws:kms:dsse"}, "NotImplemented"),
        ({f"{SSE}-aws-kms-key-id": "team-a"}, "InvalidArgument"),
        ({f"{SSE}-context": "e30="}, "InvalidArgument"),
        ({f"{SSE}-bucket-key-enabled": "true"}, "InvalidArgument"),
        ({SSE: "AES256", f"{SSE}-aws-kms-key-id": "team-a"}, "InvalidArgument"),
        ({SSE: "AES256", f"{SSE}-context": "e30="}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-context": "e30"}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-context": "WzFd"}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-bucket-key-enabled": "maybe"}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": ""}, "InvalidArgument"),
    ],
)
def test_headers_that_contradict_one_another_are_refused(
    gateway: Gateway, bucket: str, headers: dict[str, str], code: str
) -> None:
    assert code_of(gateway.send("PUT", f"/{bucket}/k", headers, b"bytes"))[1] == code
    assert gateway.send("HEAD", f"/{bucket}/k").status == 404


@pytest.mark.parametrize("name", [SSE, f"{SSE}-aws-kms-key-id", f"{SSE}-context"])
def test_a_reader_does_not_choose_the_encryption(gateway: Gateway, bucket: str, name: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", {}, b"bytes")
    for method in ("GET", "HEAD"):
        assert gateway.send(method, f"/{bucket}/k", {name: "AES256"}).status == 400


@pytest.mark.parametrize("header", [SSE, f"{SSE}-aws-kms-key-id"])
def test_a_part_does_not_choose_another_encryption(
    gateway: Gateway, bucket: str, header: str
) -> None:
    s3 = gateway.client()
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ServerSideEncryption="AES256")
    target = f"/{bucket}/k?partNumber=1&uploadId={begun['UploadId']}"
    answer = gateway.send("PUT", target, {header: "aws:kms"}, b"1")
    assert code_of(answer) == (400, "InvalidArgument")
    assert gateway.send("PUT", target, {SSE: "AES256"}, b"1").status == 200


def rule_of(s3: Any, bucket: str) -> Any:
    answer = s3.get_bucket_encryption(Bucket=bucket)
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    return rule


def test_a_bucket_has_no_default_until_it_is_given_one(s3: Any, bucket: str) -> None:
    missing = (404, "ServerSideEncryptionConfigurationNotFoundError")
    assert refused(s3.get_bucket_encryption, Bucket=bucket) == missing
    default_to(s3, bucket, "AES256")
    assert rule_of(s3, bucket) == {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
    }
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert refused(s3.get_bucket_encryption, Bucket=bucket) == missing


def test_the_default_encrypts_what_says_nothing(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="before", Body=b"bytes")
    put_rule(
        s3,
        bucket,
        ApplyServerSideEncryptionByDefault={"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "team-a"},
        BucketKeyEnabled=True,
    )
    written = s3.put_object(Bucket=bucket, Key="k", Body=b"bytes")
    assert shown(written) == KMS_A
    assert written["BucketKeyEnabled"] is True
    begun = s3.create_multipart_upload(Bucket=bucket, Key="m")
    assert shown(begun) == KMS_A
    copy = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "before"})
    assert shown(copy) == KMS_A
    assert shown(s3.get_object(Bucket=bucket, Key="before")) == {}


def test_a_request_overrides_the_default(s3: Any, bucket: str) -> None:
    default_to(s3, bucket, "aws:kms", KMSMasterKeyID="team-a")
    plain = s3.put_object(Bucket=bucket, Key="k", Body=b"b", ServerSideEncryption="AES256")
    assert shown(plain) == {"ServerSideEncryption": "AES256"}
    own = s3.put_object(Bucket=bucket, Key="k", Body=b"b", **customer(KEY_A))
    assert shown(own) == expected("sse-c")


def test_a_bucket_may_refuse_customers_keys(s3: Any, bucket: str) -> None:
    put_rule(s3, bucket, BlockedEncryptionTypes={"EncryptionType": ["SSE-C"]})
    assert rule_of(s3, bucket)["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
    how = {"Bucket": bucket, "Key": "k", **customer(KEY_A)}
    assert refused(s3.put_object, **how) == (403, "AccessDenied")
    assert refused(s3.create_multipart_upload, **how) == (403, "AccessDenied")
    s3.put_object(Bucket=bucket, Key="k", Body=b"b")
    put_rule(s3, bucket, BlockedEncryptionTypes={"EncryptionType": ["NONE"]})
    s3.put_object(**how, Body=b"b")


@pytest.mark.parametrize(
    ("algorithm", "more", "code"),
    [
        ("AES512", {}, "MalformedXML"),
        ("aws:kms:dsse", {}, "NotImplemented"),
        ("AES256", {"KMSMasterKeyID": "team-a"}, "InvalidArgument"),
    ],
)
def test_a_default_that_cannot_be_kept_is_refused(
    s3: Any, bucket: str, algorithm: str, more: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as error:
        default_to(s3, bucket, algorithm, **more)
    assert details(error)["Code"] == code


def test_two_rules_are_one_too_many(s3: Any, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    how = {"ServerSideEncryptionConfiguration": {"Rules": [rule, rule]}}
    assert refused(s3.put_bucket_encryption, Bucket=bucket, **how) == (400, "MalformedXML")


def test_a_new_bucket_takes_no_encryption_headers(gateway: Gateway) -> None:
    answer = gateway.send("PUT", "/bucket-sse-header", {SSE: "AES256"})
    assert code_of(answer) == (501, "NotImplemented")
