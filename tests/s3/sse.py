"""What tests of encryption ask for, and what they expect to be told."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

MIB = 1 << 20
KEY_A, KEY_B = bytes(range(32)), bytes(range(1, 33))
LARGE = bytes(range(256)) * 4096 * 6 + b"end"
KMS_A = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "team-a"}
CUSTOMER = "x-amz-server-side-encryption-customer"


def md5_text(key: bytes) -> str:
    return base64.b64encode(hashlib.md5(key).digest()).decode()


def customer(key: bytes, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": key}


def customer_headers(key: bytes) -> dict[str, str]:
    return {
        f"{CUSTOMER}-algorithm": "AES256",
        f"{CUSTOMER}-key": base64.b64encode(key).decode(),
        f"{CUSTOMER}-key-md5": md5_text(key),
    }


SCHEMES: dict[str, dict[str, Any]] = {
    "none": {},
    "sse-s3": {"ServerSideEncryption": "AES256"},
    "sse-kms": KMS_A,
    "sse-c": customer(KEY_A),
}


def reading(scheme: str) -> dict[str, Any]:
    return SCHEMES[scheme] if scheme == "sse-c" else {}


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    names = ("ServerSideEncryption", "SSEKMSKeyId", "SSECustomerAlgorithm", "SSECustomerKeyMD5")
    return {name: answer[name] for name in names if name in answer}


def expected(scheme: str) -> dict[str, Any]:
    if scheme == "sse-c":
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": md5_text(KEY_A)}
    return SCHEMES[scheme]


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def default_to(s3: Any, bucket: str, algorithm: str, **more: Any) -> None:
    default = {"SSEAlgorithm": algorithm, **more}
    put_rule(s3, bucket, ApplyServerSideEncryptionByDefault=default)


def put_rule(s3: Any, bucket: str, **rule: Any) -> None:
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
