"""Block Public Access: what it refuses, and what it makes of what is there."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.access.policy import read_policy
from s3gw.access.public_access import is_public_policy
from tests.s3.access.documents import BOB as NAMED
from tests.s3.access.documents import BUCKET, statement
from tests.s3.access.documents import policy as one_policy
from tests.s3.gateway import BOB, Gateway, code_of, details
from tests.s3.test_bucket_policy import policy, put

SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def block(s3: Any, bucket: str, *switches: str) -> None:
    configuration = {name: name in switches for name in SWITCHES}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=configuration)


def test_a_block_is_kept_and_removed(s3: Any, bucket: str) -> None:
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            s3.get_public_access_block(Bucket=bucket)
        assert details(caught)["Code"] == "NoSuchPublicAccessBlockConfiguration"
        block(s3, bucket, "IgnorePublicAcls", "BlockPublicPolicy")
        kept = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert [name for name in SWITCHES if kept[name]] == [
            "IgnorePublicAcls",
            "BlockPublicPolicy",
        ]
        s3.delete_public_access_block(Bucket=bucket)


@pytest.mark.parametrize("canned", ["public-read", "public-read-write", "authenticated-read"])
def test_public_acls_are_blocked(gateway: Gateway, s3: Any, bucket: str, canned: str) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    block(s3, bucket, "BlockPublicAcls")
    acl = {"x-amz-acl": canned}
    for method, target in (
        ("PUT", f"/{bucket}?acl"),
        ("PUT", f"/{bucket}/k?acl"),
        ("PUT", f"/{bucket}/k2"),
        ("POST", f"/{bucket}/k2?uploads"),
    ):
        answer = gateway.send(method, target, acl)
        assert code_of(answer) == (403, "AccessDenied")
    assert (
        gateway.send("PUT", f"/{bucket}/k3", {"x-amz-grant-read": f"id={BOB.account}"}).status
        == 200
    )


def test_public_policies_are_blocked(gateway: Gateway, s3: Any, bucket: str) -> None:
    block(s3, bucket, "BlockPublicPolicy")
    answer = gateway.send("PUT", f"/{bucket}?policy", body=policy(bucket, {}).encode())
    assert code_of(answer) == (403, "AccessDenied")
    put(gateway, bucket, {"Principal": {"AWS": BOB.account}})


def test_public_acls_are_ignored(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    s3.put_object(Bucket=bucket, Key="k", ACL="public-read")
    for switches, status in (((), 200), (("IgnorePublicAcls",), 403), ((), 200)):
        block(s3, bucket, *switches)
        for target in (f"/{bucket}", f"/{bucket}/k"):
            assert gateway.send("GET", target, account=None).status == status
            assert gateway.send("GET", target, account=BOB).status == status
            assert gateway.send("GET", target).status == 200


def test_a_public_policy_is_restricted(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    put(gateway, bucket, {})
    for switches, status in (((), 200), (("RestrictPublicBuckets",), 403)):
        block(s3, bucket, *switches)
        assert gateway.send("GET", f"/{bucket}/k", account=None).status == status
        assert gateway.send("GET", f"/{bucket}/k", account=BOB).status == status
        assert gateway.send("GET", f"/{bucket}/k").status == 200


PUBLIC: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"Effect": "Deny"}, False),
    ({"Principal": {"AWS": NAMED}}, False),
    ({"Principal": {"AWS": "*"}}, True),
    ({"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}, False),
    ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
    ({"Condition": {"IpAddress": {"aws:SourceIp": "64.0.0.0/7"}}}, True),
    ({"Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "::/0"]}}}, True),
    ({"Condition": {"IpAddress": {"aws:SourceIp": "2a00::/31"}}}, True),
    ({"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}, True),
    ({"Condition": {"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}}}, True),
    ({"Condition": {"StringEquals": {"aws:userid": NAMED}}}, False),
    ({"Condition": {"StringLike": {"aws:userid": "b*"}}}, True),
    ({"Condition": {"StringLike": {"aws:userid": "${aws:userid}"}}}, True),
    ({"Condition": {"StringNotEquals": {"aws:userid": NAMED}}}, True),
    ({"Condition": {"StringEqualsIfExists": {"aws:userid": NAMED}}}, True),
    ({"Condition": {"ForAllValues:StringEquals": {"aws:userid": NAMED}}}, True),
    ({"Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::bob:root"}}}, False),
    ({"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}}, True),
    ({"Condition": {"StringEquals": {"aws:Referer": "http://example.com/"}}}, True),
    ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
    ({"Condition": {"Null": {"aws:userid": "false"}}}, True),
]


@pytest.mark.parametrize(("elements", "public"), PUBLIC)
def test_public_is_a_policy_that_names_nobody(elements: dict[str, Any], public: bool) -> None:
    read = read_policy(one_policy(statement(**elements)), BUCKET)
    assert is_public_policy(read) is public
