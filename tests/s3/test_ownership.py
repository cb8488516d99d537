"""Object ownership: whose an object is, and whether ACLs count."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.config.schema import S3, Config
from s3gw.keys.ring import new_ring
from s3gw.server.front_ends import new_bucket_settings
from storage.backends.memory import MemoryBackend
from tests.s3.gateway import ALICE, BOB, Gateway, code_of, details
from tests.s3.test_bucket_policy import put

ALL = ("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced")
WITH_ALL = "bucket-owner-full-control"


def control(s3: Any, bucket: str, ownership: Any) -> None:
    controls: Any = {"Rules": [{"ObjectOwnership": ownership}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)


def controlled(s3: Any, bucket: str) -> str:
    answer = s3.get_bucket_ownership_controls(Bucket=bucket)
    return str(answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"])


@pytest.mark.parametrize("ownership", ALL)
def test_controls_are_kept_and_removed(s3: Any, bucket: str, ownership: str) -> None:
    control(s3, bucket, ownership)
    assert controlled(s3, bucket) == ownership
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    with pytest.raises(ClientError) as caught:
        controlled(s3, bucket)
    assert details(caught)["Code"] == "OwnershipControlsNotFoundError"


@pytest.mark.parametrize("ownership", ALL)
def test_a_bucket_is_made_with_an_ownership(s3: Any, bucket: str, ownership: Any) -> None:
    s3.create_bucket(Bucket=f"{bucket}-2", ObjectOwnership=ownership)
    assert controlled(s3, f"{bucket}-2") == ownership


@pytest.mark.parametrize(
    "body",
    [
        b"<OwnershipControls/>",
        b"<OwnershipControls><Rule/></OwnershipControls>",
        b"<OwnershipControls><Rule><ObjectOwnership>Mine</ObjectOwnership></Rule></OwnershipControls>",
        b"<Other/>",
    ],
)
def test_wrong_controls_are_refused(gateway: Gateway, bucket: str, body: bytes) -> None:
    answer = gateway.send("PUT", f"/{bucket}?ownershipControls", body=body)
    assert code_of(answer) == (400, "MalformedXML")


def test_a_wrong_ownership_makes_no_bucket(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}-2", {"x-amz-object-ownership": "Mine"})
    assert code_of(answer) == (400, "InvalidArgument")
    assert gateway.send("HEAD", f"/{bucket}-2").status == 404


def owner_of(s3: Any, bucket: str, key: str) -> str:
    """As the list tells it; who owns an object may be the only one to read its ACL."""
    rows = s3.list_objects(Bucket=bucket)["Contents"]
    return next(str(row["Owner"]["DisplayName"]) for row in rows if row["Key"] == key)


@pytest.mark.parametrize(
    ("ownership", "acl", "owner"),
    [
        ("ObjectWriter", None, "Bob"),
        ("ObjectWriter", WITH_ALL, "Bob"),
        ("ObjectWriter", "private", "Bob"),
        ("BucketOwnerPreferred", None, "Bob"),
        ("BucketOwnerPreferred", WITH_ALL, "Alice"),
        ("BucketOwnerPreferred", "private", "Bob"),
        ("BucketOwnerEnforced", None, "Alice"),
        ("BucketOwnerEnforced", WITH_ALL, "Alice"),
    ],
)
def test_who_owns_what_another_account_writes(
    gateway: Gateway, s3: Any, bobs: Any, bucket: str, ownership: str, acl: Any, owner: str
) -> None:
    control(s3, bucket, ownership)
    put(gateway, bucket, {})
    given: Any = {"ACL": acl} if acl else {}
    bobs.put_object(Bucket=bucket, Key="put", Body=b"x", **given)
    bobs.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/put", **given)
    upload = bobs.create_multipart_upload(Bucket=bucket, Key="parts", **given)
    parts = bobs.list_parts(Bucket=bucket, Key="parts", UploadId=upload["UploadId"])
    assert parts["Owner"]["DisplayName"] == owner
    for key in ("put", "copy"):
        assert owner_of(s3, bucket, key) == owner
    readable = owner == "Alice" or acl == WITH_ALL
    assert gateway.send("GET", f"/{bucket}/put").status == (200 if readable else 403)
    assert gateway.send("GET", f"/{bucket}/put", account=BOB).status == 200


def test_enforcing_takes_over_what_is_there(
    gateway: Gateway, s3: Any, bobs: Any, bucket: str
) -> None:
    put(gateway, bucket, {})
    bobs.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert gateway.send("GET", f"/{bucket}/k?acl").status == 403
    control(s3, bucket, "BucketOwnerEnforced")
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"] == ALICE.account
    assert len(s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]) == 1
    assert owner_of(s3, bucket, "k") == "Alice"
    assert gateway.send("GET", f"/{bucket}/k", account=BOB).status == 403
    assert gateway.send("GET", f"/{bucket}/k", account=None).status == 403
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    assert gateway.send("GET", f"/{bucket}/k", account=None).status == 200


def test_acls_are_refused_where_they_do_not_count(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    control(s3, bucket, "BucketOwnerEnforced")
    private = {"x-amz-acl": "private"}
    for method, target in (
        ("PUT", f"/{bucket}?acl"),
        ("PUT", f"/{bucket}/k?acl"),
        ("PUT", f"/{bucket}/k"),
        ("POST", f"/{bucket}/k?uploads"),
    ):
        answer = gateway.send(method, target, private)
        assert code_of(answer) == (400, "AccessControlListNotSupported")
    mine = {"x-amz-grant-full-control": f"id={ALICE.account}"}
    assert gateway.send("PUT", f"/{bucket}/k", mine).status == 200
    assert s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"] == ALICE.account


def test_enforcing_wants_the_grants_taken_back_first(s3: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with pytest.raises(ClientError) as caught:
        control(s3, bucket, "BucketOwnerEnforced")
    assert details(caught)["Code"] == "InvalidBucketAclWithObjectOwnership"
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    control(s3, bucket, "BucketOwnerEnforced")


def test_a_bucket_cannot_be_made_with_an_acl_that_does_not_count(
    gateway: Gateway, bucket: str
) -> None:
    headers = {"x-amz-object-ownership": "BucketOwnerEnforced", "x-amz-acl": "public-read"}
    answer = gateway.send("PUT", f"/{bucket}-2", headers)
    assert code_of(answer) == (400, "InvalidBucketAclWithObjectOwnership")
    headers["x-amz-acl"] = "private"
    assert gateway.send("PUT", f"/{bucket}-2", headers).status == 200


@pytest.fixture
def like_aws() -> Iterator[Gateway]:
    """A gateway whose new buckets begin as AWS' do."""
    config = Config(s3=S3(object_ownership="BucketOwnerEnforced", block_public_access=True))
    gateway = Gateway(MemoryBackend(), new_bucket_settings=new_bucket_settings(config))
    yield gateway
    gateway.close()


def test_new_buckets_can_begin_as_at_aws(like_aws: Gateway) -> None:
    s3 = like_aws.client()
    bucket = like_aws.new_bucket()
    assert controlled(s3, bucket) == "BucketOwnerEnforced"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    headers = {"x-amz-acl": "public-read"}
    answer = like_aws.send("PUT", "/another", headers)
    assert code_of(answer) == (400, "InvalidBucketAclWithObjectOwnership")
    headers["x-amz-object-ownership"] = "ObjectWriter"
    answer = like_aws.send("PUT", "/another", headers)
    assert code_of(answer) == (400, "InvalidBucketAclWithBlockPublicAccessError")


def test_new_buckets_can_encrypt_as_at_aws(tmp_path: Path) -> None:
    ring = new_ring(tmp_path / "keyring.json", os.urandom(32))
    settings = new_bucket_settings(Config(s3=S3(encrypt_new_buckets=True)))
    gateway = Gateway(MemoryBackend(), keys=ring, new_bucket_settings=settings)
    s3, bucket = gateway.client(), gateway.new_bucket()
    where = {"Bucket": bucket, "Key": "k"}
    assert s3.put_object(**where, Body=b"x")["ServerSideEncryption"] == "AES256"
    # Nobody chose it, so a copy onto itself does not name it.
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.copy_object(**where, CopySource=where)
    s3.delete_bucket_encryption(Bucket=bucket)
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    gateway.close()


def test_without_configuration_a_new_bucket_has_no_documents() -> None:
    assert new_bucket_settings(Config()) == {}
