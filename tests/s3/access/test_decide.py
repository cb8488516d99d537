"""Who may do what: scenario by scenario, each with a grid of actions and callers.

Alice owns the bucket and its objects, but for `bobs`, which Bob wrote. A `+` is allowed, a `-` not.
`acl` is the ACL of the bucket, `object_acl` that of each object.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from s3gw.access import may_deliver_logs
from s3gw.access.acl import BucketAcl, Grant, Grants, Permission, canned_bucket_acl
from s3gw.access.acl import canned_object_acl as canned
from s3gw.access.decide import allows, rules_of
from s3gw.access.ownership import HoldsForeignObjects, Ownership, OwnershipControls
from s3gw.access.policy import BucketPolicy
from s3gw.access.public_access import PublicAccessBlock
from s3gw.access.request import Fact, FactRequired, ObjectFacts
from storage.settings import Setting, with_setting
from storage.values import BucketInfo
from tests.s3.access.documents import ALICE, ARN, BOB, BUCKET, policy, request, statement

CALLERS = ("alice", "bob", "eve", "nobody", "root")


@dataclass(frozen=True)
class Scenario:
    """The grid: an action, the key that it is about (if any), and a sign for each caller."""

    grid: str
    policy: tuple[dict[str, Any], ...] = ()
    acl: str | Grants = "private"
    object_acl: str | Grants = "private"
    ownership: Ownership | None = None
    block: PublicAccessBlock | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


ALLOW_ALL = statement(Action="s3:*", Resource="*")
DENY_ALL = statement(Effect="Deny", Action="s3:*", Resource="*")
BOBS = {"AWS": "arn:aws:iam::bob:root"}
ENFORCED = Ownership.BUCKET_OWNER_ENFORCED


def to_bob(permission: str) -> Grants:
    return (Grant(Permission(permission), BOB),)


SCENARIOS = {
    #                                 alice bob eve nobody root
    "nothing is written down": Scenario("""
        ListBucket                  + - - - +
        ListBucketVersions          + - - - +
        GetBucketAcl                + - - - +
        PutBucketAcl                + - - - +
        GetBucketPolicy             + - - - +
        PutBucketPolicy             + - - - +
        DeleteBucket                + - - - +
        PutBucketVersioning         + - - - +
        PutObject             k     + - - - +
        GetObject             k     + - - - +
        GetObjectVersion      k     + - - - +
        GetObjectAcl          k     + - - - +
        PutObjectAcl          k     + - - - +
        GetObjectTagging      k     + - - - +
        DeleteObject          k     + - - - +
        DeleteObjectVersion   k     + - - - +
        BypassGovernanceRetention k + - - - +
    """),
    "what another account wrote is its own": Scenario("""
        GetObject             bobs  - + - - +
        GetObjectVersion      bobs  - + - - +
        GetObjectAttributes   bobs  - + - - +
        GetObjectAcl          bobs  - + - - +
        PutObjectAcl          bobs  - + - - +
        GetObjectTagging      bobs  + - - - +
        PutObjectTagging      bobs  + - - - +
        DeleteObject          bobs  + - - - +
        PutObject             bobs  + - - - +
        GetObject             k     + - - - +
    """),
    "with the owner enforced it is the bucket owner's": Scenario("""
        GetObject             bobs  + - - - +
        GetObjectAcl          bobs  + - - - +
        PutObjectAcl          bobs  + - - - +
        DeleteObject          bobs  + - - - +
    """, ownership=ENFORCED),
    "with the owner preferred it stays the writer's": Scenario("""
        GetObject             bobs  - + - - +
        GetObject             k     + - - - +
    """, ownership=Ownership.BUCKET_OWNER_PREFERRED),
    "a bucket that is public to read": Scenario("""
        ListBucket                  + + + + +
        ListBucketVersions          + + + + +
        ListBucketMultipartUploads  + + + + +
        GetBucketAcl                + - - - +
        GetBucketLocation           + - - - +
        PutObject             k     + - - - +
        GetObject             k     + - - - +
        DeleteObject          k     + - - - +
    """, acl="public-read"),
    "a bucket that is public to write": Scenario("""
        ListBucket                  + + + + +
        PutObject             k     + + + + +
        DeleteObject          k     + + + + +
        DeleteObjectVersion   k     + - - - +
        PutObjectTagging      k     + - - - +
        GetObject             k     + - - - +
        PutBucketAcl                + - - - +
        GetBucketAcl                + - - - +
    """, acl="public-read-write"),
    "a bucket that everybody with an account reads": Scenario("""
        ListBucket                  + + + - +
        PutObject             k     + - - - +
        GetObject             k     + - - - +
    """, acl="authenticated-read"),
    "a bucket for logs": Scenario("""
        ListBucket                  + - - - +
        PutObject             k     + - - - +
        GetBucketAcl                + - - - +
    """, acl="log-delivery-write"),
    "objects that are public to read": Scenario("""
        GetObject             k     + + + + +
        GetObjectVersion      k     + + + + +
        GetObject             bobs  + + + + +
        GetObjectAcl          k     + - - - +
        GetObjectTagging      k     + - - - +
        GetObjectAttributes   k     + - - - +
        PutObject             k     + - - - +
        DeleteObject          k     + - - - +
        ListBucket                  + - - - +
    """, object_acl="public-read"),
    "objects that are public to write are public to read": Scenario("""
        GetObject             k     + + + + +
        PutObject             k     + - - - +
        DeleteObject          k     + - - - +
        PutObjectAcl          k     + - - - +
    """, object_acl="public-read-write"),
    "objects that everybody with an account reads": Scenario("""
        GetObject             k     + + + - +
        GetObjectAcl          k     + - - - +
    """, object_acl="authenticated-read"),
    "objects that the bucket's owner reads": Scenario("""
        GetObject             bobs  + + - - +
        GetObjectAcl          bobs  - + - - +
    """, object_acl="bucket-owner-read"),
    "objects that the bucket's owner controls": Scenario("""
        GetObject             bobs  + + - - +
        GetObjectAcl          bobs  + + - - +
        PutObjectAcl          bobs  + + - - +
    """, object_acl="bucket-owner-full-control"),
    "a bucket that Bob may list": Scenario("""
        ListBucket                  + + - - +
        PutObject             k     + - - - +
        GetBucketAcl                + - - - +
    """, acl=to_bob("READ")),
    "a bucket that Bob may write": Scenario("""
        ListBucket                  + - - - +
        PutObject             k     + + - - +
        DeleteObject          k     + + - - +
        GetObject             k     + - - - +
    """, acl=to_bob("WRITE")),
    "a bucket whose ACL Bob may read": Scenario("""
        GetBucketAcl                + + - - +
        PutBucketAcl                + - - - +
        ListBucket                  + - - - +
    """, acl=to_bob("READ_ACP")),
    "a bucket whose ACL Bob may write": Scenario("""
        GetBucketAcl                + - - - +
        PutBucketAcl                + + - - +
        GetBucketPolicy             + - - - +
    """, acl=to_bob("WRITE_ACP")),
    "a bucket that Bob controls": Scenario("""
        ListBucket                  + + - - +
        PutObject             k     + + - - +
        DeleteObject          k     + + - - +
        GetBucketAcl                + + - - +
        PutBucketAcl                + + - - +
        GetObject             k     + - - - +
        PutBucketPolicy             + - - - +
        DeleteBucket                + - - - +
        DeleteObjectVersion   k     + - - - +
    """, acl=to_bob("FULL_CONTROL")),
    "an object that Bob controls": Scenario("""
        GetObject             k     + + - - +
        GetObjectAcl          k     + + - - +
        PutObjectAcl          k     + + - - +
        PutObject             k     + - - - +
        PutObjectTagging      k     + - - - +
    """, object_acl=to_bob("FULL_CONTROL")),
    "an owner without grants owns all the same": Scenario("""
        ListBucket                  + - - - +
        PutBucketAcl                + - - - +
        GetObject             k     + - - - +
        GetObject             bobs  - + - - +
    """, acl=(), object_acl=()),
    "with the owner enforced ACLs count for nothing": Scenario("""
        ListBucket                  + - - - +
        PutObject             k     + - - - +
        GetObject             k     + - - - +
        GetObject             bobs  + - - - +
    """, acl="public-read-write", object_acl="public-read", ownership=ENFORCED),
    "public grants are ignored, others count": Scenario("""
        ListBucket                  + - - - +
        PutObject             k     + - - - +
        GetObject             k     + - - - +
    """, acl="public-read-write", object_acl="public-read",
        block=PublicAccessBlock(ignore_public_acls=True)),
    "grants to accounts count where public ones are ignored": Scenario("""
        ListBucket                  + + - - +
        GetObject             k     + + - - +
    """, acl=to_bob("READ"), object_acl=to_bob("READ"),
        block=PublicAccessBlock(ignore_public_acls=True)),
    "blocking new ACLs leaves the old ones": Scenario("""
        ListBucket                  + + + + +
        GetObject             k     + + + + +
    """, acl="public-read", object_acl="public-read",
        block=PublicAccessBlock(block_public_acls=True, block_public_policy=True)),
    "a policy that lets everybody read": Scenario("""
        GetObject             k     + + + + +
        GetObjectVersion      k     + - - - +
        GetObject             bobs  - + - - +
        ListBucket                  + - - - +
        PutObject             k     + - - - +
    """, policy=(statement(),)),
    "with the owner enforced that policy covers all objects": Scenario("""
        GetObject             bobs  + + + + +
        GetObject             k     + + + + +
    """, policy=(statement(),), ownership=ENFORCED),
    "a policy that lets everybody do everything": Scenario("""
        ListBucket                  + + + + +
        DeleteBucket                + + + + +
        PutBucketPolicy             + + + + +
        GetObject             k     + + + + +
        GetObjectAcl          k     + + + + +
        GetObjectAcl          bobs  - + - - +
        PutObject             k     + + + + +
        DeleteObject          bobs  + + + + +
    """, policy=(ALLOW_ALL,)),
    "a restricted bucket with a public policy": Scenario("""
        ListBucket                  + - - - +
        GetObject             k     + - - - +
        PutObject             k     + - - - +
    """, policy=(ALLOW_ALL,), block=PublicAccessBlock(restrict_public_buckets=True)),
    "a public statement closes a restricted bucket to the named too": Scenario("""
        GetObject             k     + - - - +
        PutObject             k     + - - - +
    """, policy=(statement(), statement(Principal=BOBS, Action="s3:PutObject")),
        block=PublicAccessBlock(restrict_public_buckets=True)),
    "a restricted bucket with a policy for Bob": Scenario("""
        GetObject             k     + + - - +
        PutObject             k     + - - - +
    """, policy=(statement(Principal=BOBS),),
        block=PublicAccessBlock(restrict_public_buckets=True)),
    "a restricted bucket still has its ACLs": Scenario("""
        ListBucket                  + + + + +
        GetObject             k     + - - - +
    """, policy=(statement(),), acl="public-read",
        block=PublicAccessBlock(restrict_public_buckets=True)),
    "a policy that denies everybody everything": Scenario("""
        ListBucket                  - - - - +
        GetObject             k     - - - - +
        GetObject             bobs  - - - - +
        PutObject             k     - - - - +
        PutBucketAcl                - - - - +
        DeleteBucket                - - - - +
        GetBucketPolicy             + - - - +
        PutBucketPolicy             + - - - +
        DeleteBucketPolicy          + - - - +
        GetBucketPolicyStatus       - - - - +
    """, policy=(DENY_ALL,)),
    "a denial outweighs a policy that allows, and an ACL": Scenario("""
        ListBucket                  - - - - +
        GetObject             k     - - - - +
    """, policy=(ALLOW_ALL, DENY_ALL), acl="public-read", object_acl="public-read"),
    "a policy that denies Bob": Scenario("""
        ListBucket                  + - + + +
        GetObject             k     + - + + +
        GetObject             bobs  + - + + +
    """, policy=(statement(Effect="Deny", Principal=BOBS, Action="s3:*", Resource="*"),),
        acl="public-read", object_acl="public-read"),
    "a policy that denies all but Alice": Scenario("""
        ListBucket                  + - - - +
        GetObject             k     + - - - +
    """, policy=(statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": ALICE},
                           Action="s3:*", Resource="*"),),
        acl="public-read", object_acl="public-read"),
    "a policy for Bob alone": Scenario("""
        GetObject             k     + + - - +
        PutObject             k     + - - - +
        GetObject             bobs  - + - - +
    """, policy=(statement(Principal=BOBS),)),
    "a policy for one folder": Scenario("""
        GetObject             a/k   + + + + +
        GetObject             b/k   + - - - +
        GetObject             a     + - - - +
    """, policy=(statement(Resource=f"{ARN}/a/*"),)),
    "a policy with everybody's own folder": Scenario("""
        PutObject             home/bob/k + + - - +
        PutObject             home/eve/k + - + - +
        PutObject             home/k     + - - - +
    """, policy=(statement(Action="s3:PutObject", Resource=f"{ARN}/home/${{aws:userid}}/*"),)),
    "a policy for an address, from there": Scenario("""
        GetObject             k     + + + + +
    """, policy=(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),),
        facts={"client": "10.1.1.1"}),
    "a policy for an address, from elsewhere": Scenario("""
        GetObject             k     + - - - +
    """, policy=(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),),
        facts={"client": "11.1.1.1"}),
    "a policy that denies without TLS, without": Scenario("""
        ListBucket                  - - - - +
        GetObject             k     - - - - +
        GetBucketPolicy             + - - - +
    """, policy=(DENY_ALL | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},),
        object_acl="public-read"),
    "a policy that denies without TLS, with": Scenario("""
        ListBucket                  + - - - +
        GetObject             k     + + + + +
    """, policy=(DENY_ALL | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},),
        object_acl="public-read", facts={"is_secure": True}),
    "a policy for a prefix, with it": Scenario("""
        ListBucket                  + + + + +
    """, policy=(statement(Action="s3:ListBucket", Resource=ARN,
                           Condition={"StringLike": {"s3:prefix": "a/*"}}),),
        facts={"query": {"prefix": "a/b"}}),
    "a policy for a prefix, without one": Scenario("""
        ListBucket                  + - - - +
    """, policy=(statement(Action="s3:ListBucket", Resource=ARN,
                           Condition={"StringLike": {"s3:prefix": "a/*"}}),)),
    "a policy for a tag, on an object that has it": Scenario("""
        GetObject             k     + + + + +
    """, policy=(statement(Condition={"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}),),
        tags={"open": "yes"}),
    "a policy for a tag, on an object that has another": Scenario("""
        GetObject             k     + - - - +
    """, policy=(statement(Condition={"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}),),
        tags={"open": "no"}),
    "a policy that wants a canned ACL, with it": Scenario("""
        PutObject             k     + + + + +
    """, policy=(statement(Action="s3:PutObject", Condition={
            "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),),
        facts={"headers": {"x-amz-acl": "bucket-owner-full-control"}}),
    "a policy that wants a canned ACL, without": Scenario("""
        PutObject             k     + - - - +
    """, policy=(statement(Action="s3:PutObject", Condition={
            "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}),)),
    "an upload that Bob began": Scenario("""
        AbortMultipartUpload     k  + + - - +
        ListMultipartUploadParts k  + + - - +
        PutObject                k  + - - - +
    """, facts={"found_initiator": BOB}),
    "an upload that Bob began and a policy denies": Scenario("""
        AbortMultipartUpload     k  - - - - +
        ListMultipartUploadParts k  - - - - +
    """, policy=(DENY_ALL,), facts={"found_initiator": BOB}),
    "an upload that nobody began": Scenario("""
        AbortMultipartUpload     k  + - - - +
    """, facts={"found_initiator": ""}),
}  # fmt: skip


def rows() -> list[Any]:
    found = []
    for name, scenario in SCENARIOS.items():
        for line in scenario.grid.strip().splitlines():
            (
                action,
                *key,
            ) = line.split()[: -len(CALLERS)]
            for caller, sign in zip(CALLERS, line.split()[-len(CALLERS) :], strict=True):
                row = (scenario, f"s3:{action}", "".join(key), caller, sign == "+")
                found.append(pytest.param(*row, id=f"{name}: {action} {''.join(key)} {caller}"))
    return found


ROWS = rows()


def bucket_of(scenario: Scenario) -> BucketInfo:
    documents: list[Setting] = [HoldsForeignObjects()]
    if scenario.policy:
        documents.append(BucketPolicy(policy(*scenario.policy)))
    if scenario.acl != "private":
        acl = scenario.acl
        grants = canned_bucket_acl(acl, ALICE) if isinstance(acl, str) else acl
        documents.append(BucketAcl(grants or ()))
    if scenario.ownership:
        documents.append(OwnershipControls(scenario.ownership))
    if scenario.block:
        documents.append(scenario.block)
    info = BucketInfo(BUCKET, ALICE, 0)
    for document in documents:
        info = with_setting(info, document)
    return info


def object_of(scenario: Scenario, key: str) -> ObjectFacts:
    owner = BOB if key == "bobs" else ALICE
    acl = scenario.object_acl
    grants = canned(acl, owner, ALICE) if isinstance(acl, str) else acl
    return ObjectFacts("" if owner == ALICE else owner, grants, scenario.tags)


@pytest.mark.parametrize(("scenario", "action", "key", "caller", "allowed"), ROWS)
def test_the_decision(
    scenario: Scenario, action: str, key: str, caller: str, allowed: bool
) -> None:
    found = {"found_object": object_of(scenario, key), "found_initiator": "", **scenario.facts}
    asked = request(caller, action, key, **found)
    assert allows(asked, rules_of(bucket_of(scenario))) is allowed


def test_the_table_is_long_enough() -> None:
    assert len(ROWS) >= 300


@pytest.mark.parametrize("caller", CALLERS)
def test_an_object_is_looked_at_only_when_the_bucket_does_not_decide(caller: str) -> None:
    plain = rules_of(BucketInfo(BUCKET, ALICE, 0))
    asked = request(caller)
    if caller in ("alice", "root"):
        assert allows(asked, plain)
    else:
        with pytest.raises(FactRequired) as caught:
            allows(asked, plain)
        assert caught.value.fact is Fact.OBJECT
        assert not allows(replace(asked, action="s3:PutBucketPolicy", key=""), plain)


@pytest.mark.parametrize("documents", [(statement(),), (DENY_ALL,)])
def test_a_policy_that_says_it_all_needs_no_object(documents: tuple[dict[str, Any], ...]) -> None:
    info = with_setting(BucketInfo(BUCKET, ALICE, 0), BucketPolicy(policy(*documents)))
    assert allows(request(), rules_of(info)) is (documents == (statement(),))


def test_an_old_policy_that_cannot_be_read_lets_nobody_in() -> None:
    broken = json.dumps({"Statement": [{"Effect": "Allow"}]})
    info = with_setting(BucketInfo(BUCKET, ALICE, 0), BucketPolicy(broken))
    with pytest.raises(Exception, match="Missing required field"):
        rules_of(info)


LOGGING = {"Service": "logging.s3.amazonaws.com"}
SOURCE = {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::source"}}
DELIVERY = statement(Principal=LOGGING, Action="s3:PutObject")


@pytest.mark.parametrize(
    ("document", "delivers"),
    [
        (None, False),
        (BucketAcl(canned_bucket_acl("log-delivery-write", ALICE) or ()), True),
        (BucketAcl(canned_bucket_acl("public-read-write", ALICE) or ()), False),
        (BucketPolicy(policy(DELIVERY)), True),
        (BucketPolicy(policy(DELIVERY | {"Resource": f"{ARN}/logs/*"})), True),
        (BucketPolicy(policy(DELIVERY | {"Resource": f"{ARN}/other/*"})), False),
        (BucketPolicy(policy(DELIVERY | {"Condition": SOURCE})), True),
        (
            BucketPolicy(
                policy(DELIVERY | {"Condition": {"StringEquals": {"aws:SourceAccount": BOB}}})
            ),
            True,
        ),
        (
            BucketPolicy(
                policy(DELIVERY | {"Condition": {"StringEquals": {"aws:SourceAccount": ALICE}}})
            ),
            False,
        ),
    ],
)
def test_the_servers_own_logs_need_a_right(document: Setting | None, delivers: bool) -> None:
    target = BucketInfo(BUCKET, ALICE, 0)
    if document is not None:
        target = with_setting(target, document)
    assert may_deliver_logs(target, "logs/1", BucketInfo("source", BOB, 0)) is delivers
