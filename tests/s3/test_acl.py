"""Access control lists: given in three ways, shown as they were given, and enforced."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from s3gw.identity.accounts import Accounts
from storage.backends.memory import MemoryBackend
from tests.s3.gateway import ALICE, BOB, ROOT, Gateway, code_of, details, values, xml_of

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"
FULL = "FULL_CONTROL"


def shown(answer: Any) -> list[tuple[str, str]]:
    """Each grant as (who, permission)."""
    return [
        (grant["Grantee"].get("URI") or grant["Grantee"].get("DisplayName"), grant["Permission"])
        for grant in answer["Grants"]
    ]


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return details(caught)["Code"]


@pytest.mark.parametrize(
    ("canned", "grants"),
    [
        ("private", [("Alice", FULL)]),
        ("public-read", [(ALL_USERS, "READ"), ("Alice", FULL)]),
        ("public-read-write", [(ALL_USERS, "READ"), (ALL_USERS, "WRITE"), ("Alice", FULL)]),
        ("authenticated-read", [(AUTHENTICATED, "READ"), ("Alice", FULL)]),
        ("log-delivery-write", [(LOGS, "WRITE"), (LOGS, "READ_ACP"), ("Alice", FULL)]),
        ("bucket-owner-full-control", [("Alice", FULL)]),
    ],
)
def test_a_canned_acl_of_a_bucket(
    gateway: Gateway, s3: Any, bucket: str, canned: Any, grants: list[tuple[str, str]]
) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL=canned)
    assert shown(s3.get_bucket_acl(Bucket=bucket)) == grants
    s3.create_bucket(Bucket=f"{bucket}-2", ACL=canned)
    assert shown(s3.get_bucket_acl(Bucket=f"{bucket}-2")) == grants


def test_grants_of_an_owner_without_a_display_name_keep_their_order() -> None:
    nameless = Accounts(replace(ROOT, display_name=""))
    gateway = Gateway(MemoryBackend(), accounts=nameless)
    gateway.send("PUT", "/nameless", {"x-amz-acl": "public-read"}, account=ROOT)
    told = xml_of(gateway.send("GET", "/nameless?acl", account=ROOT))
    assert values(told, "Permission") == [FULL, "READ"]
    gateway.close()


@pytest.mark.parametrize("canned", ["public-read", "authenticated-read", "private"])
def test_a_canned_acl_of_an_object(gateway: Gateway, s3: Any, bucket: str, canned: Any) -> None:
    s3.put_object(Bucket=bucket, Key="put", Body=b"x", ACL=canned)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/put", ACL=canned)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", ACL=canned)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    s3.put_object(Bucket=bucket, Key="later", Body=b"x")
    s3.put_object_acl(Bucket=bucket, Key="later", ACL=canned)
    anonymous = 200 if canned == "public-read" else 403
    bobs = 403 if canned == "private" else 200
    for key in ("put", "copy", "parts", "later"):
        assert gateway.send("GET", f"/{bucket}/{key}", account=None).status == anonymous
        assert gateway.send("GET", f"/{bucket}/{key}", account=BOB).status == bobs
        assert gateway.send("HEAD", f"/{bucket}/{key}", account=BOB).status == bobs


def test_a_copy_does_not_take_the_acl_along(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", ACL="public-read")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/source")
    assert shown(s3.get_object_acl(Bucket=bucket, Key="copy")) == [("Alice", FULL)]


def test_tags_and_time_survive_a_new_acl(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1", Metadata={"m": "1"})
    before = s3.head_object(Bucket=bucket, Key="k")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    after = s3.head_object(Bucket=bucket, Key="k")
    for name in ("LastModified", "ETag", "Metadata"):
        assert after[name] == before[name]
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []})
    assert (ALL_USERS, "READ") in shown(s3.get_object_acl(Bucket=bucket, Key="k"))


GRANTEES = [
    (f'id="{BOB.account}"', "Bob"),
    (f"id={BOB.account}", "Bob"),
    ('emailAddress="bob@example.com"', "Bob"),
    ("emailaddress=BOB@example.com", "Bob"),
    (f'uri="{ALL_USERS}"', ALL_USERS),
]


@pytest.mark.parametrize(("grantee", "who"), GRANTEES)
def test_grants_in_headers(s3: Any, bucket: str, grantee: str, who: str) -> None:
    """Only what the headers say: the owner needs no grant."""
    s3.put_object(Bucket=bucket, Key="k", GrantRead=grantee)
    assert shown(s3.get_object_acl(Bucket=bucket, Key="k")) == [(who, "READ")]
    s3.put_object_acl(Bucket=bucket, Key="k", GrantWriteACP=grantee, GrantReadACP=grantee)
    granted = shown(s3.get_object_acl(Bucket=bucket, Key="k"))
    assert granted == [(who, "READ_ACP"), (who, "WRITE_ACP")]
    s3.put_bucket_acl(Bucket=bucket, GrantWrite=f"{grantee}, id={ALICE.account}")
    assert sorted(shown(s3.get_bucket_acl(Bucket=bucket))) == sorted(
        [(who, "WRITE"), ("Alice", "WRITE")]
    )


def test_an_acl_goes_back_as_it_came(gateway: Gateway, s3: Any, bucket: str) -> None:
    """s3cmd reads the document, changes it and sends it back."""
    s3.put_object(Bucket=bucket, Key="k", GrantRead=f"id={BOB.account}, uri={ALL_USERS}")
    for target in (f"/{bucket}?acl", f"/{bucket}/k?acl"):
        before = gateway.send("GET", target)
        assert gateway.send("PUT", target, body=before.body).status == 200
        assert gateway.send("GET", target).body == before.body
    assert b'xsi:type="Group"' in before.body
    assert b'xsi:type="CanonicalUser"' in before.body


def test_grants_in_the_document_by_email(s3: Any, bobs: Any, bucket: str) -> None:
    by_email = {"Type": "AmazonCustomerByEmail", "EmailAddress": "bob@example.com"}
    policy: Any = {
        "Owner": {"ID": ALICE.account},
        "Grants": [{"Grantee": by_email, "Permission": "READ"}],
    }
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
    assert shown(s3.get_bucket_acl(Bucket=bucket)) == [("Bob", "READ")]
    assert bobs.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def document(grants: str, owner: str = ALICE.account) -> bytes:
    text = (
        f"<AccessControlPolicy><Owner><ID>{owner}</ID></Owner>"
        f"<AccessControlList>{grants}</AccessControlList></AccessControlPolicy>"
    )
    return text.encode()


def grant(inside: str, permission: str = "READ") -> str:
    return f"<Grant><Grantee>{inside}</Grantee><Permission>{permission}</Permission></Grant>"


TWICE = {"x-amz-acl": "private", "x-amz-grant-read": f"id={BOB.account}"}
NOBODY = "<EmailAddress>nobody@example.com</EmailAddress>"
REFUSED: list[tuple[dict[str, str], bytes, tuple[int, str]]] = [
    ({}, b"", (400, "MissingSecurityHeader")),
    ({"x-amz-acl": "public"}, b"", (400, "InvalidArgument")),
    ({"x-amz-acl": ""}, b"", (400, "InvalidArgument")),
    (TWICE, b"", (400, "InvalidRequest")),
    ({"x-amz-acl": "private"}, document(""), (400, "UnexpectedContent")),
    ({"x-amz-grant-read": f"id={BOB.account}"}, document(""), (400, "UnexpectedContent")),
    ({"x-amz-grant-read": "bob"}, b"", (400, "InvalidArgument")),
    ({"x-amz-grant-read": ""}, b"", (400, "InvalidArgument")),
    ({"x-amz-grant-read": "id=eve"}, b"", (400, "InvalidArgument")),
    ({"x-amz-grant-read": 'uri="http://example.com"'}, b"", (400, "InvalidArgument")),
    (
        {"x-amz-grant-read": 'emailAddress="nobody@example.com"'},
        b"",
        (400, "UnresolvableGrantByEmailAddress"),
    ),
    ({"x-amz-grant-read": 'emailAddress=""'}, b"", (400, "UnresolvableGrantByEmailAddress")),
    ({}, document(grant(NOBODY)), (400, "UnresolvableGrantByEmailAddress")),
    ({}, document(grant("<ID>eve</ID>")), (400, "InvalidArgument")),
    ({}, document(grant("<URI>http://example.com</URI>")), (400, "InvalidArgument")),
    ({}, document(grant("")), (400, "MalformedACLError")),
    ({}, document(grant(f"<ID>{BOB.account}</ID>{NOBODY}")), (400, "MalformedACLError")),
    ({}, document(grant(f"<ID>{BOB.account}</ID>", "EVERYTHING")), (400, "MalformedACLError")),
    ({}, document(grant(f"<ID>{BOB.account}</ID>") * 101), (400, "MalformedACLError")),
    ({}, document("", owner=BOB.account), (403, "AccessDenied")),
    ({}, document("", owner=""), (400, "MalformedACLError")),
    ({}, b"<AccessControlPolicy/>", (400, "MalformedACLError")),
    ({}, document("", owner="eve"), (400, "InvalidArgument")),
    ({}, b"<Other/>", (400, "MalformedACLError")),
]


@pytest.mark.parametrize(("headers", "body", "refusal"), REFUSED)
def test_a_wrong_acl_is_refused_and_changes_nothing(
    gateway: Gateway, bucket: str, headers: dict[str, str], body: bytes, refusal: tuple[int, str]
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    for target in (f"/{bucket}?acl", f"/{bucket}/k?acl"):
        before = gateway.send("GET", target).body
        assert code_of(gateway.send("PUT", target, headers, body)) == refusal
        assert gateway.send("GET", target).body == before


def test_the_acl_of_logs_is_no_acl_of_objects(gateway: Gateway, bucket: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}/k", {"x-amz-acl": "log-delivery-write"}, b"x")
    assert code_of(answer) == (400, "InvalidArgument")


def test_the_acl_of_a_missing_object_cannot_be_put(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object_acl(Bucket=bucket, Key="nope", ACL="private")
    assert code(caught) == "NoSuchKey"


def test_what_bob_writes_is_bobs(gateway: Gateway, s3: Any, bobs: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    bobs.put_object(Bucket=bucket, Key="bobs", Body=b"x")
    s3.put_object(Bucket=bucket, Key="hers", Body=b"x")
    assert bobs.get_object(Bucket=bucket, Key="bobs")["Body"].read() == b"x"
    assert shown(bobs.get_object_acl(Bucket=bucket, Key="bobs")) == [("Bob", FULL)]
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="bobs")
    assert code(caught) == "AccessDenied"
    for listing in (s3.list_objects, s3.list_object_versions):
        answer = listing(Bucket=bucket)
        rows = answer.get("Contents") or answer["Versions"]
        assert {r["Key"]: r["Owner"]["DisplayName"] for r in rows} == {
            "bobs": "Bob",
            "hers": "Alice",
        }
    bobs.put_object_acl(Bucket=bucket, Key="bobs", ACL="bucket-owner-full-control")
    assert s3.get_object(Bucket=bucket, Key="bobs")["Body"].read() == b"x"
    assert gateway.send("DELETE", f"/{bucket}/bobs").status == 204


def test_the_owner_of_an_upload_is_who_began_it(s3: Any, bobs: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    upload = bobs.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = bobs.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert (parts["Owner"]["DisplayName"], parts["Initiator"]["DisplayName"]) == ("Bob", "Bob")
    (row,) = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert row["Owner"]["DisplayName"] == "Bob"
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    bobs.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)


@pytest.mark.parametrize("account", [None, ROOT])
def test_what_nobody_or_root_writes_is_the_bucket_owners(
    gateway: Gateway, s3: Any, bucket: str, account: Any
) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    assert gateway.send("PUT", f"/{bucket}/k", body=b"x", account=account).status == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert shown(s3.get_object_acl(Bucket=bucket, Key="k")) == [("Alice", FULL)]


def test_a_missing_key_is_hidden_from_who_cannot_list(gateway: Gateway, bucket: str) -> None:
    for key in ("there", "not-there"):
        gateway.send("PUT", f"/{bucket}/there", body=b"x")
        answer = gateway.send("GET", f"/{bucket}/{key}", account=BOB)
        assert code_of(answer) == (403, "AccessDenied")
    gateway.send("PUT", f"/{bucket}?acl", {"x-amz-acl": "public-read"})
    answer = gateway.send("GET", f"/{bucket}/not-there", account=None)
    assert code_of(answer) == (404, "NoSuchKey")
    assert gateway.send("GET", f"/{bucket}/there", account=None).status == 403


def test_a_copy_needs_the_source_and_the_target(gateway: Gateway, s3: Any, bobs: Any) -> None:
    source, target = gateway.new_bucket(), gateway.new_bucket(BOB)
    s3.put_object(Bucket=source, Key="closed", Body=b"x")
    s3.put_object(Bucket=source, Key="open", Body=b"x", ACL="public-read")
    bobs.copy_object(Bucket=target, Key="k", CopySource=f"{source}/open")
    for key in ("closed", "missing"):
        with pytest.raises(ClientError) as caught:
            bobs.copy_object(Bucket=target, Key="k2", CopySource=f"{source}/{key}")
        assert code(caught) == "AccessDenied"
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=target, Key="k3", CopySource=f"{source}/open")
    assert code(caught) == "AccessDenied"


def test_making_a_bucket_again_changes_no_acl(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.create_bucket(Bucket=bucket, ACL="public-read")
    assert code(caught) == "BucketAlreadyOwnedByYou"
    s3.create_bucket(Bucket=bucket)
    assert shown(s3.get_bucket_acl(Bucket=bucket)) == [("Alice", FULL)]


def test_an_acl_shows_groups_first(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, GrantFullControl=f"id={BOB.account}, uri={ALL_USERS}")
    root = xml_of(gateway.send("GET", f"/{bucket}?acl"))
    assert values(root, "URI") == [ALL_USERS]
    assert values(root, "DisplayName") == ["Alice", "Bob"]


def test_who_does_not_sign_gets_the_headers_as_they_are(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", {"x-amz-acl": "public-read"}, b"x")
    target = f"/{bucket}/k?response-content-type=text/html"
    assert code_of(gateway.send("GET", target, account=None)) == (400, "InvalidRequest")
    assert gateway.send("GET", target, account=BOB).headers["content-type"] == "text/html"
