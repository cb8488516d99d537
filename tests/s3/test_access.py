"""Who may do what: a bucket belongs to the account that made it."""

from __future__ import annotations

from typing import Any

import pytest

from s3gw.catalog import all_operations
from tests.s3.gateway import ALICE, BOB, ROOT, Gateway, code_of, values, xml_of

# One request for each operation on a bucket B or an object in it.
REQUESTS = {
    "HeadBucket": ("HEAD", "/B"),
    "DeleteBucket": ("DELETE", "/B"),
    "GetBucketLocation": ("GET", "/B?location"),
    "GetBucketAcl": ("GET", "/B?acl"),
    "PutBucketAcl": ("PUT", "/B?acl"),
    "GetBucketPolicy": ("GET", "/B?policy"),
    "PutBucketPolicy": ("PUT", "/B?policy"),
    "DeleteBucketPolicy": ("DELETE", "/B?policy"),
    "GetBucketPolicyStatus": ("GET", "/B?policyStatus"),
    "GetPublicAccessBlock": ("GET", "/B?publicAccessBlock"),
    "PutPublicAccessBlock": ("PUT", "/B?publicAccessBlock"),
    "DeletePublicAccessBlock": ("DELETE", "/B?publicAccessBlock"),
    "GetBucketOwnershipControls": ("GET", "/B?ownershipControls"),
    "PutBucketOwnershipControls": ("PUT", "/B?ownershipControls"),
    "DeleteBucketOwnershipControls": ("DELETE", "/B?ownershipControls"),
    "GetBucketVersioning": ("GET", "/B?versioning"),
    "ListObjects": ("GET", "/B"),
    "ListObjectsV2": ("GET", "/B?list-type=2"),
    "ListObjectVersions": ("GET", "/B?versions"),
    "ListMultipartUploads": ("GET", "/B?uploads"),
    "DeleteObjects": ("POST", "/B?delete"),
    "PutObject": ("PUT", "/B/k"),
    "CopyObject": ("PUT", "/B/k"),
    "GetObject": ("GET", "/B/k"),
    "HeadObject": ("HEAD", "/B/k"),
    "DeleteObject": ("DELETE", "/B/k"),
    "GetObjectAcl": ("GET", "/B/k?acl"),
    "PutObjectAcl": ("PUT", "/B/k?acl"),
    "GetObjectAttributes": ("GET", "/B/k?attributes"),
    "GetObjectTagging": ("GET", "/B/k?tagging"),
    "PutObjectTagging": ("PUT", "/B/k?tagging"),
    "DeleteObjectTagging": ("DELETE", "/B/k?tagging"),
    "CreateMultipartUpload": ("POST", "/B/k?uploads"),
    "UploadPart": ("PUT", "/B/k?partNumber=1&uploadId=x"),
    "UploadPartCopy": ("PUT", "/B/k?partNumber=1&uploadId=x"),
    "ListParts": ("GET", "/B/k?uploadId=x"),
    "CompleteMultipartUpload": ("POST", "/B/k?uploadId=x"),
    "AbortMultipartUpload": ("DELETE", "/B/k?uploadId=x"),
}
COPIES = {"CopyObject", "UploadPartCopy"}


def send(gateway: Gateway, bucket: str, operation: str, **options: Any) -> Any:
    method, target = REQUESTS[operation]
    headers = {"x-amz-copy-source": f"{bucket}/k"} if operation in COPIES else {}
    headers |= options.pop("headers", {})
    return gateway.send(method, target.replace("B", bucket, 1), headers, **options)


def is_denied(answer: Any) -> bool:
    return bool(answer.status == 403 and (not answer.body or code_of(answer)[1] == "AccessDenied"))


def test_every_operation_on_a_bucket_stands_here() -> None:
    elsewhere = {"ListBuckets", "CreateBucket"}
    assert REQUESTS.keys() | elsewhere == {op.__name__ for op in all_operations()}


@pytest.mark.parametrize("operation", REQUESTS)
def test_others_are_denied(gateway: Gateway, bucket: str, operation: str) -> None:
    assert is_denied(send(gateway, bucket, operation, account=BOB))


@pytest.mark.parametrize("operation", REQUESTS)
def test_the_anonymous_are_denied(gateway: Gateway, bucket: str, operation: str) -> None:
    assert is_denied(send(gateway, bucket, operation, account=None))


@pytest.mark.parametrize("operation", REQUESTS)
def test_another_owner_than_expected_is_denied(
    gateway: Gateway, bucket: str, operation: str
) -> None:
    expected = {"x-amz-expected-bucket-owner": BOB.account}
    assert is_denied(send(gateway, bucket, operation, headers=expected))
    found = {"x-amz-expected-bucket-owner": ALICE.account}
    assert not is_denied(send(gateway, bucket, operation, headers=found))


@pytest.mark.parametrize("operation", REQUESTS)
def test_the_root_account_may_do_everything(gateway: Gateway, bucket: str, operation: str) -> None:
    assert not is_denied(send(gateway, bucket, operation, account=ROOT))


def test_the_owner_of_a_copys_source_can_be_expected(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/source", body=b"x")
    headers = {"x-amz-copy-source": f"{bucket}/source"}
    wrong = headers | {"x-amz-source-expected-bucket-owner": BOB.account}
    assert is_denied(gateway.send("PUT", f"/{bucket}/k", wrong))
    right = headers | {"x-amz-source-expected-bucket-owner": ALICE.account}
    assert gateway.send("PUT", f"/{bucket}/k", right).status == 200


@pytest.mark.parametrize(("method", "target"), [("GET", "/"), ("PUT", "/anonymous-bucket")])
def test_the_anonymous_have_no_buckets(gateway: Gateway, method: str, target: str) -> None:
    assert is_denied(gateway.send(method, target, account=None))


@pytest.mark.parametrize("of_object", [False, True])
def test_an_acl_gives_the_owner_full_control_and_nobody_else_any(
    gateway: Gateway, bucket: str, of_object: bool
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    answer = gateway.send("GET", f"/{bucket}/k?acl" if of_object else f"/{bucket}?acl")
    root = xml_of(answer)
    assert root.tag == "AccessControlPolicy"
    assert values(root, "ID") == [ALICE.account, ALICE.account]
    assert values(root, "DisplayName") == ["Alice", "Alice"]
    assert values(root, "Permission") == ["FULL_CONTROL"]
    assert b'xsi:type="CanonicalUser"' in answer.body


def test_the_acl_of_a_missing_object_is_missing(gateway: Gateway, bucket: str) -> None:
    assert code_of(gateway.send("GET", f"/{bucket}/nope?acl")) == (404, "NoSuchKey")


def test_versioning_is_an_empty_document(gateway: Gateway, bucket: str) -> None:
    root = xml_of(gateway.send("GET", f"/{bucket}?versioning"))
    assert (root.tag, list(root)) == ("VersioningConfiguration", [])
