"""Bucket policies through the front door: put, shown, taken away, and enforced."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from s3gw.access.actions import OPERATIONS
from s3gw.server.operations import all_operations
from tests.s3.gateway import ALICE, BOB, ROOT, Gateway, code_of, details, error_of, values, xml_of
from tests.s3.test_access import OPERATIONS as ASKED
from tests.s3.test_access import send


def policy(bucket: str, *statements: dict[str, Any]) -> str:
    rows = [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            **row,
        }
        for row in statements
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": rows})


def put(gateway: Gateway, bucket: str, *statements: dict[str, Any]) -> None:
    answer = gateway.send("PUT", f"/{bucket}?policy", body=policy(bucket, *statements).encode())
    assert answer.status == 204


def test_every_operation_needs_an_action() -> None:
    assert {op.__name__ for op in all_operations()} <= OPERATIONS.keys()


def test_a_policy_is_kept_byte_for_byte(s3: Any, bucket: str) -> None:
    text = policy(bucket, {"Sid": "Übung"}).replace("{", "{\n ", 1)
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    s3.delete_bucket_policy(Bucket=bucket)
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_policy(Bucket=bucket)
    assert (details(caught)["Code"], details(caught)["BucketName"]) == (
        "NoSuchBucketPolicy",
        bucket,
    )
    s3.delete_bucket_policy(Bucket=bucket)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", (400, "MalformedPolicy")),
        (b"x", (400, "MalformedPolicy")),
        (b"\xff", (400, "MalformedPolicy")),
        (b"{}", (400, "MalformedPolicy")),
        (b" " * (20 * 1024 + 1), (400, "MalformedPolicy")),
    ],
)
def test_a_malformed_policy_leaves_the_old_one(
    gateway: Gateway, bucket: str, body: bytes, code: tuple[int, str]
) -> None:
    put(gateway, bucket, {})
    assert code_of(gateway.send("PUT", f"/{bucket}?policy", body=body)) == code
    assert gateway.send("GET", f"/{bucket}?policy").body == policy(bucket, {}).encode()


def test_a_condition_that_nobody_checks_is_refused(gateway: Gateway, bucket: str) -> None:
    asked = {"Effect": "Deny", "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}
    answer = gateway.send("PUT", f"/{bucket}?policy", body=policy(bucket, asked).encode())
    assert code_of(answer) == (501, "NotImplemented")


@pytest.mark.parametrize("kind", ["AWS", "CanonicalUser"])
def test_an_account_that_is_not_there_is_no_principal(
    gateway: Gateway, bucket: str, kind: str
) -> None:
    for account, status in ((BOB.account, 204), ("eve", 400)):
        body = policy(bucket, {"Principal": {kind: account}}).encode()
        assert gateway.send("PUT", f"/{bucket}?policy", body=body).status == status


def test_a_policy_is_checked_against_its_digest(gateway: Gateway, bucket: str) -> None:
    body = policy(bucket, {}).encode()
    wrong = {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert code_of(gateway.send("PUT", f"/{bucket}?policy", wrong, body)) == (400, "BadDigest")


def test_a_policy_lets_others_in(gateway: Gateway, bobs: Any, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    put(gateway, bucket, {"Principal": {"AWS": BOB.account}, "Action": ["s3:Get*", "s3:List*"]})
    assert bobs.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert bobs.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert bobs.get_bucket_policy(Bucket=bucket)["Policy"]
    assert gateway.send("PUT", f"/{bucket}/k", body=b"y", account=BOB).status == 403
    assert gateway.send("GET", f"/{bucket}/k", account=None).status == 403


@pytest.mark.parametrize(
    ("method", "target", "headers", "text"),
    [
        ("POST", "k?uploads", {}, "cannot initiate multipart uploads"),
        ("PUT", "copy", {"x-amz-copy-source": "B/k"}, "cannot copy objects"),
        ("GET", "?ownershipControls", {}, "does not support Anonymous requests"),
    ],
)
def test_some_things_no_policy_lets_a_stranger_do(
    gateway: Gateway,
    bucket: str,
    method: str,
    target: str,
    headers: dict[str, str],
    text: str,
) -> None:
    put(gateway, bucket, {"Principal": "*", "Action": "s3:*"})
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    sent = {name: value.replace("B", bucket) for name, value in headers.items()}
    answer = gateway.send(method, f"/{bucket}/{target}", sent, account=None)
    assert code_of(answer) == (403, "AccessDenied")
    assert text in error_of(answer)["Message"]
    assert gateway.send("PUT", f"/{bucket}/k", body=b"y", account=None).status == 200


def test_a_denial_binds_the_owner_but_for_the_policy(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    put(gateway, bucket, {"Effect": "Deny"})
    for method, target in (
        ("GET", "/k"),
        ("PUT", "/k"),
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "?acl"),
    ):
        answer = gateway.send(method, f"/{bucket}{target}")
        assert code_of(answer) == (403, "AccessDenied")
    assert gateway.send("GET", f"/{bucket}/k", account=ROOT).status == 200
    assert gateway.send("GET", f"/{bucket}?policy").status == 200
    assert gateway.send("DELETE", f"/{bucket}?policy").status == 204
    assert gateway.send("GET", f"/{bucket}/k").status == 200


def test_a_missing_key_is_hidden_from_who_may_get_and_not_list(
    gateway: Gateway, bucket: str
) -> None:
    """The list is asked for with the key as its prefix, as `s3:prefix` of a condition."""
    put(gateway, bucket, {"Action": "s3:GetObject"})
    assert gateway.send("GET", f"/{bucket}/a/k", account=BOB).status == 403
    assert gateway.send("HEAD", f"/{bucket}/a/k", account=None).status == 403
    prefix = {"StringLike": {"s3:prefix": "a/*"}}
    put(gateway, bucket, {"Action": "s3:ListBucket", "Condition": prefix})
    assert gateway.send("HEAD", f"/{bucket}/a/k", account=BOB).status == 404
    assert gateway.send("HEAD", f"/{bucket}/b/k", account=BOB).status == 403


def test_deletions_are_decided_key_by_key(
    gateway: Gateway, s3: Any, bobs: Any, bucket: str
) -> None:
    for key in ("a/1", "a/2", "b/1"):
        s3.put_object(Bucket=bucket, Key=key)
    put(
        gateway,
        bucket,
        {"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/a/*"},
        {
            "Effect": "Deny",
            "Action": "s3:DeleteObject",
            "Resource": f"arn:aws:s3:::{bucket}/a/2",
        },
    )
    keys: Any = {"Objects": [{"Key": key} for key in ("a/1", "a/2", "b/1")]}
    answer = bobs.delete_objects(Bucket=bucket, Delete=keys)
    assert [row["Key"] for row in answer["Deleted"]] == ["a/1"]
    assert [(row["Key"], row["Code"]) for row in answer["Errors"]] == [
        ("a/2", "AccessDenied"),
        ("b/1", "AccessDenied"),
    ]
    answer = s3.delete_objects(Bucket=bucket, Delete=keys)
    assert [row["Key"] for row in answer["Errors"]] == ["a/2"]


def test_a_version_is_another_action(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    put(gateway, bucket, {"Action": "s3:GetObject"})
    assert gateway.send("GET", f"/{bucket}/k", account=BOB).status == 200
    assert gateway.send("GET", f"/{bucket}/k?versionId=null", account=BOB).status == 403
    put(gateway, bucket, {"Action": "s3:GetObjectVersion"})
    assert gateway.send("GET", f"/{bucket}/k", account=BOB).status == 403
    assert gateway.send("GET", f"/{bucket}/k?versionId=null", account=BOB).status == 200


def test_tags_of_an_upload_are_another_action(gateway: Gateway, bucket: str) -> None:
    tagged = {"x-amz-tagging": "a=1"}
    put(gateway, bucket, {"Action": "s3:PutObject"})
    assert gateway.send("PUT", f"/{bucket}/k", account=BOB).status == 200
    assert gateway.send("PUT", f"/{bucket}/k", tagged, account=BOB).status == 403
    put(gateway, bucket, {"Action": ["s3:PutObject", "s3:PutObjectTagging"]})
    assert gateway.send("PUT", f"/{bucket}/k", tagged, account=BOB).status == 200


def test_an_acl_of_an_upload_can_be_denied(gateway: Gateway, bucket: str) -> None:
    acl = {"x-amz-acl": "public-read"}
    put(gateway, bucket, {"Action": "s3:PutObject"})
    assert gateway.send("PUT", f"/{bucket}/k", acl, account=BOB).status == 200
    put(gateway, bucket, {}, {"Effect": "Deny", "Action": "s3:PutObjectAcl"})
    assert gateway.send("PUT", f"/{bucket}/k", acl, account=BOB).status == 403
    assert gateway.send("PUT", f"/{bucket}/k", acl).status == 403
    assert gateway.send("PUT", f"/{bucket}/k", account=BOB).status == 200


def test_copied_tags_need_their_own_rights(gateway: Gateway, s3: Any, bobs: Any) -> None:
    source, target = gateway.new_bucket(), gateway.new_bucket(BOB)
    s3.put_object(Bucket=source, Key="k", Tagging="a=1")
    put(gateway, source, {"Action": "s3:GetObject"})
    with pytest.raises(ClientError) as caught:
        bobs.copy_object(Bucket=target, Key="k", CopySource=f"{source}/k")
    assert details(caught)["Code"] == "AccessDenied"
    bobs.copy_object(Bucket=target, Key="k", CopySource=f"{source}/k", TaggingDirective="REPLACE")
    put(gateway, source, {"Action": ["s3:GetObject", "s3:GetObjectTagging"]})
    bobs.copy_object(Bucket=target, Key="k", CopySource=f"{source}/k")
    assert bobs.get_object_tagging(Bucket=target, Key="k")["TagSet"]


def test_tags_in_the_document_are_seen_by_conditions(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    secret = {"StringEquals": {"s3:RequestObjectTag/level": "secret"}}
    put(gateway, bucket, {}, {"Effect": "Deny", "Condition": secret})
    body = "<Tagging><TagSet><Tag><Key>level</Key><Value>%s</Value></Tag></TagSet></Tagging>"
    for value, status in (("secret", 403), ("open", 200)):
        tags = (body % value).encode()
        answer = gateway.send("PUT", f"/{bucket}/k?tagging", body=tags, account=BOB)
        assert answer.status == status
    root = xml_of(gateway.send("GET", f"/{bucket}/k?tagging"))
    assert values(root, "Value") == ["open"]


def test_existing_tags_are_seen_by_conditions(gateway: Gateway, s3: Any, bucket: str) -> None:
    for level in ("open", "secret"):
        s3.put_object(Bucket=bucket, Key=level, Tagging=f"level={level}")
    tag = {"StringEquals": {"s3:ExistingObjectTag/level": "open"}}
    put(gateway, bucket, {"Action": "s3:GetObject", "Condition": tag})
    assert gateway.send("GET", f"/{bucket}/open", account=None).status == 200
    assert gateway.send("GET", f"/{bucket}/secret", account=None).status == 403
    assert gateway.send("GET", f"/{bucket}/missing", account=None).status == 403


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, 200),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, 403),
        ({"Bool": {"aws:SecureTransport": "true"}}, 403),
        ({"Bool": {"aws:SecureTransport": "false"}}, 200),
        ({"StringEquals": {"s3:authType": "REST-HEADER"}}, 200),
        ({"StringEquals": {"aws:userid": BOB.account}}, 200),
        ({"StringLike": {"aws:Referer": "http://example.com/*"}}, 403),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, 403),
    ],
)
def test_conditions_are_those_of_the_request(
    gateway: Gateway, bucket: str, condition: dict[str, Any], status: int
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    put(gateway, bucket, {"Action": "s3:GetObject", "Condition": condition})
    assert gateway.send("GET", f"/{bucket}/k", account=BOB).status == status


FACTS = [
    {"s3:ExistingObjectTag/a": "1"},
    {"s3:RequestObjectTag/a": "1"},
    {"s3:object-lock-mode": "GOVERNANCE"},
    {"s3:prefix": "${aws:userid}"},
]


@pytest.mark.parametrize("facts", FACTS)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_no_fact_is_missing_for_any_operation(
    gateway: Gateway, bucket: str, facts: dict[str, str], effect: str
) -> None:
    """Some have no object to look at, and some no document."""
    gateway.send("PUT", f"/{bucket}/there", body=b"x")
    for operation in ASKED:
        put(gateway, bucket, {"Effect": effect, "Condition": {"StringEquals": facts}})
        answer = send(gateway, bucket, operation, account=BOB)
        assert answer.status != 500
    assert gateway.send("GET", f"/{bucket}/not-there", account=BOB).status == 403


def test_the_status_tells_what_is_public(s3: Any, bucket: str) -> None:
    def is_public() -> bool:
        return bool(s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"])

    assert not is_public()
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {"Principal": {"AWS": BOB.account}}))
    assert not is_public()
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, {}))
    assert is_public()
    denial = policy(bucket, {"Effect": "Deny", "Action": "s3:PutObject"})
    s3.put_bucket_policy(Bucket=bucket, Policy=denial)
    assert not is_public()
    s3.delete_bucket_policy(Bucket=bucket)
    s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read")
    assert is_public()


def test_a_bucket_without_policy_belongs_to_its_owner(gateway: Gateway, bucket: str) -> None:
    assert gateway.send("PUT", f"/{bucket}?policy", body=b"{}", account=BOB).status == 403
    assert gateway.send("GET", f"/{bucket}?policy", account=None).status == 403
    assert code_of(gateway.send("GET", "/no-such-bucket?policy", account=None))[1] == "NoSuchBucket"
    assert gateway.send("HEAD", f"/{bucket}", account=ALICE).status == 200


@settings(max_examples=60)
@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_no_policy_breaks_the_server(gateway: Gateway, text: bytes) -> None:
    gateway.send("PUT", "/fuzzed-policies")
    answer = gateway.send("PUT", "/fuzzed-policies?policy", body=text)
    assert answer.status == 400
