"""What users and roles may do: scenario by scenario, each with a grid.

The first column of a grid is an operation, which says its action and its right; `k` after it is an
object of the bucket, `bobs` one that the account Bob wrote. Then comes a sign for each caller, who
are told of in `principals`: a `+` is allowed, a `-` not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from s3gw.access.acl import BucketAcl, Grant, Grants, Permission, canned_bucket_acl
from s3gw.access.acl import canned_object_acl as canned
from s3gw.access.bucket_access import BucketAccess, with_access
from s3gw.access.decide import allows, rules_of
from s3gw.access.ownership import HoldsForeignObjects, Ownership, OwnershipControls
from s3gw.access.policy import BucketPolicy, Verdict, read_policy
from s3gw.access.public_access import PublicAccessBlock
from s3gw.access.request import ObjectFacts
from s3gw.identity.accounts import ROOT_ACCOUNT
from s3gw.identity.permissions import ALL, Permissions
from s3gw.wire.errors import Code, S3Error
from storage.settings import Setting, with_setting
from storage.values import BucketInfo
from tests.s3.access.documents import ALICE, ARN, BOB, BUCKET, asked_by, policy, statement
from tests.s3.access.principals import NUMBER, PRINCIPALS, asked, user


@dataclass(frozen=True)
class Scenario:
    """`owner` is the bucket's, and of all objects but `bobs`."""

    grid: str
    policy: tuple[dict[str, Any], ...] = ()
    owner: str = ROOT_ACCOUNT
    access: str = "su"
    acl: str | Grants = "private"
    object_acl: str = "private"
    documents: tuple[Setting, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def aws(*names: str) -> dict[str, list[str]]:
    return {"AWS": [f"arn:aws:iam::{NUMBER}:{name}" for name in names]}


def to(*names: str, **elements: Any) -> dict[str, Any]:
    whole = {"Principal": aws(*names), "Action": "s3:*", "Resource": "*"}
    return statement(**(whole | elements))


def deny(*names: str, **elements: Any) -> dict[str, Any]:
    return to(*names, Effect="Deny", **elements)


def spare(*names: str) -> dict[str, Any]:
    """All are denied but those."""
    return deny(Principal=None, NotPrincipal=aws(*names))


def deny_if(operator: str, key: str, value: str) -> dict[str, Any]:
    return deny(Principal="*", Condition={operator: {key: value}})


def when(**conditions: Any) -> dict[str, Any]:
    """Everybody is allowed to get objects, if `aws:`... equals that."""
    tests = {f"aws:{key}": value for key, value in conditions.items()}
    return statement(Condition={"StringEquals": tests})


SCENARIOS = {
    #                           none reader writer keeper mine yours etl admin alice root
    "permissions decide, not what the account owns": Scenario("""
        HeadBucket                   - + + + + - + + - +
        ListObjectsV2                - + + + + - + + - +
        ListObjectVersions           - + + + + - + + - +
        ListMultipartUploads         - + + + + - + + - +
        GetBucketAcl                 - + + + + - + + - +
        GetBucketPolicy              - + + + + - + + - +
        GetObject                k   - + + + + - + + - +
        HeadObject               k   - + + + + - + + - +
        GetObjectTagging         k   - + + + + - + + - +
        GetObjectAttributes      k   - + + + + - + + - +
        ListParts                k   - + + + + - + + - +
        PutObject                k   - - + + + - - + - +
        UploadPart               k   - - + + + - - + - +
        AbortMultipartUpload     k   - - + + + - - + - +
        DeleteObject             k   - - + + + - - + - +
        DeleteObjects            k   - - + + + - - + - +
        RenameObject             k   - - + + + - - + - +
        PutObjectTagging         k   - - - + - - - + - +
        PutObjectAcl             k   - - - + - - - + - +
        PutObjectRetention       k   - - - + - - - + - +
        PutObjectLegalHold       k   - - - + - - - + - +
        PutBucketVersioning          - - - + - - - + - +
        PutBucketLifecycleConfiguration - - - + - - - + - +
        PutBucketAcl                 - - - + - - - + - +
        PutBucketPolicy              - - - + - - - + - +
        DeleteBucketPolicy           - - - + - - - + - +
        DeleteBucket                 - - - + - - - + - +
    """),
    "they decide in the bucket of any account": Scenario("""
        HeadBucket                   - + + + + - + + + +
        GetObject                k   - + + + + - + + + +
        PutObject                k   - - + + + - - + + +
        PutBucketPolicy              - - - + - - - + + +
        DeleteBucket                 - - - + - - - + + +
    """, owner=ALICE),
    "and on what another account wrote": Scenario("""
        GetObject             bobs   - + + + + - + + - +
        DeleteObject          bobs   - - + + + - - + + +
        PutObjectAcl          bobs   - - - + - - - + - +
    """, owner=ALICE),
    "a bucket with the attribute ro": Scenario("""
        HeadBucket                   - + + + + - + + + +
        ListObjectsV2                - + + + + - + + + +
        GetBucketPolicy              - + + + + - + + + +
        GetObject                k   - + + + + - + + + +
        PutObject                k   - - - - - - - - - -
        DeleteObject             k   - - - - - - - - - -
        RenameObject             k   - - - - - - - - - -
        PutObjectTagging         k   - - - - - - - - - -
        DeleteBucket                 - - - - - - - - - -
        PutBucketVersioning          - - - - - - - + - +
        PutBucketPolicy              - - - - - - - + - +
        PutBucketAcl                 - - - - - - - + - +
        PutPublicAccessBlock         - - - - - - - + - +
    """, owner=ALICE, access="ro"),
    "a bucket with the attribute rw": Scenario("""
        GetObject                k   - + + + + - + + + +
        PutObject                k   - - + + + - - + + +
        DeleteObject             k   - - + + + - - + + +
        PutObjectTagging         k   - - - - - - - - - -
        PutBucketPolicy              - - - - - - - + - +
    """, owner=ALICE, access="rw"),
    "a bucket that is closed": Scenario("""
        HeadBucket                   - - - - - - - - - -
        GetObject                k   - - - - - - - - - -
        PutObject                k   - - - - - - - - - -
        GetBucketPolicy              - - - - - - - - - -
        PutBucketVersioning          - - - - - - - + - +
    """, owner=ALICE, access="PROMOTE"),
    "the attribute is stronger than a policy and an ACL": Scenario("""
        GetObject                k   + + + + + + + + + +
        PutObject                k   - - - - - - - - - -
        ListObjectsV2                + + + + + + + + + +
    """, policy=(to(Principal="*"),), acl="public-read-write", access="ro"),
    "a policy that allows a user": Scenario("""
        GetObject                k   + + + + + - + + - +
        PutObject                k   + - + + + - - + - +
        ListObjectsV2                + + + + + - + + - +
        PutBucketPolicy              + - - + - - - + - +
    """, policy=(to("user/none"),)),
    "a policy that allows a user one thing": Scenario("""
        GetObject                k   + + + + + + + + - +
        PutObject                k   - - + + + - - + - +
        ListObjectsV2                - + + + + - + + - +
    """, policy=(to("user/none", "user/yours", Action="s3:GetObject"),)),
    "an account's bucket that lets a user in": Scenario("""
        GetObject                k   - + + + + + + + + +
        PutObject                k   - - + + + + - + + +
        GetObject             bobs   - + + + + - + + - +
    """, policy=(to("user/yours"),), owner=ALICE),
    "a policy that allows the root account leaves it to the account": Scenario("""
        GetObject                k   - + + + + - + + - +
        PutObject                k   - - + + + - - + - +
        DeleteBucket                 - - - + - - - + - +
    """, policy=(to("root"),)),
    "by whatever name": Scenario("""
        GetObject                k   - + + + + - + + + +
        PutObject                k   - - + + + - - + + +
    """, policy=(statement(Principal={"AWS": ROOT_ACCOUNT}), statement(Principal={"AWS": NUMBER})),
        owner=ALICE),
    "a policy for everybody": Scenario("""
        GetObject                k   + + + + + + + + + +
        PutObject                k   - - + + + - - + - +
    """, policy=(statement(),)),
    "a policy for everybody who signs": Scenario("""
        GetObject                k   + + + + + + + + + +
    """, policy=(statement(Principal={"AWS": "*"}),)),
    "a policy that denies a user": Scenario("""
        GetObject                k   - + - + + - + + - +
        PutObject                k   - - - + + - - + - +
        GetBucketPolicy              - + - + + - + + - +
        PutBucketPolicy              - - - + - - - + - +
    """, policy=(deny("user/writer"),)),
    "the owner's way back is not a user's": Scenario("""
        GetBucketPolicy              - - - - - - - + + +
        PutBucketPolicy              - - - - - - - + + +
        DeleteBucketPolicy           - - - - - - - + + +
        GetObject                k   - - - - - - - + - +
    """, policy=(deny(Principal="*"),), owner=ALICE),
    "the root account's users have no way back either": Scenario("""
        PutBucketPolicy              - - - - - - - + - +
        GetObject                k   - - - - - - - + - +
    """, policy=(deny(Principal="*"),)),
    "denying the root account denies its users and roles": Scenario("""
        GetObject                k   - - - - - - - + + +
        PutObject                k   - - - - - - - + + +
    """, policy=(deny("root"),), owner=ALICE),
    "denying is stronger than allowing": Scenario("""
        GetObject                k   + + - + + + + + + +
        PutObject                k   - - - + + - - + - +
    """, policy=(statement(), deny("user/writer"))),
    "denying one action leaves the others": Scenario("""
        GetObject                k   - + + + + - + + - +
        DeleteObject             k   - - - + + - - + - +
    """, policy=(deny("user/writer", Action="s3:DeleteObject"),)),
    "denying below a prefix": Scenario("""
        PutObject                k   - - + + + - - + - +
        PutObject            bobs    - - - + + - - + - +
    """, policy=(deny("user/writer", Resource=f"{ARN}/bob*"),)),
    "a user is not the role or the account of that name": Scenario("""
        GetObject                k   - + + + + - + + - +
    """, policy=(to("role/none"), to("user/NONE"), statement(Principal={"AWS": "none"}))),
    "a policy that allows a role": Scenario("""
        PutObject                k   - - + + + - + + - +
        PutBucketPolicy              - - - + - - + + - +
    """, policy=(to("role/etl"),)),
    "a policy that denies a role": Scenario("""
        GetObject                k   - + + + + - - + - +
    """, policy=(deny("role/etl"),)),
    "a policy that allows a session of a role": Scenario("""
        PutObject                k   - - + + + - + + - +
    """, policy=(statement(
        Principal={"AWS": f"arn:aws:sts::{NUMBER}:assumed-role/etl/nightly"}, Action="s3:*"),)),
    "another session of the role is another": Scenario("""
        PutObject                k   - - + + + - - + - +
    """, policy=(statement(
        Principal={"AWS": f"arn:aws:sts::{NUMBER}:assumed-role/etl/daily"}, Action="s3:*"),)),
    "a session is not the user of the role's name": Scenario("""
        PutObject                k   - - + + + - - + - +
        GetObject                k   - + + + + - + + - +
    """, policy=(to("user/etl"), deny("user/nightly"))),
    "all but one are denied": Scenario("""
        GetObject                k   - + - - - - - + - +
        PutObject                k   - - - - - - - + - +
    """, policy=(spare("user/reader"),)),
    "all but one are denied, to an account too": Scenario("""
        GetObject                k   - - + - - - - + - +
        PutBucketPolicy              - - - - - - - + + +
    """, policy=(spare("user/writer"),), owner=ALICE),
    "all but the sessions of a role are denied": Scenario("""
        GetObject                k   - - - - - - + + - +
    """, policy=(spare("role/etl"),)),
    "to spare the account is not to spare its users": Scenario("""
        GetObject                k   - - - - - - - + - +
    """, policy=(spare("root"),)),
    "a condition on the user's name": Scenario("""
        GetObject                k   + + + + + - + + - +
    """, policy=(when(username=["none", "etl"]),)),
    "a condition on the principal's ARN": Scenario("""
        GetObject                k   - + + + + + + + - +
    """, policy=(when(PrincipalArn=f"arn:aws:iam::{NUMBER}:user/yours"),)),
    "the ARN of a session's principal is the role's": Scenario("""
        PutObject                k   - - + + + - + + - +
    """, policy=(when(PrincipalArn=f"arn:aws:iam::{NUMBER}:role/etl") | {"Action": "s3:*"},)),
    "an ARN may name the account by its id": Scenario("""
        GetObject                k   - + + + + + + + - +
    """, policy=(when(PrincipalArn=f"arn:aws:iam::{ROOT_ACCOUNT}:user/yours"),)),
    "a condition on the account": Scenario("""
        GetObject                k   + + + + + + + + - +
    """, policy=(when(PrincipalAccount=NUMBER),)),
    "a condition on the account by its id": Scenario("""
        GetObject                k   + + + + + + + + - +
    """, policy=(when(PrincipalAccount=ROOT_ACCOUNT),)),
    "a condition on the kind of the principal": Scenario("""
        GetObject                k   + + + + + + + + - +
        PutObject                k   - - + + + - + + - +
    """, policy=(when(PrincipalType="User"),
                 when(PrincipalType="AssumedRole") | {"Action": "s3:*"})),
    "a variable for the user's name": Scenario("""
        PutObject                k   - - + + + - - + - +
        PutObject                none + - + + + - - + - +
        PutObject                yours - - + + + + - + - +
    """, policy=(to(Principal="*", Resource=ARN + "/${aws:username}"),)),
    "nobody has a second factor": Scenario("""
        GetObject                k   - - - - - - - + - +
    """, policy=(deny_if("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),
                 deny_if("Null", "aws:MultiFactorAuthAge", "true"))),
    "only temporary credentials tell of a second factor": Scenario("""
        GetObject                k   - + + + + - - + - +
    """, policy=(deny_if("Bool", "aws:MultiFactorAuthPresent", "false"),)),
    "a session that is too old": Scenario("""
        GetObject                k   - + + + + - - + - +
    """, policy=(deny_if("DateLessThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z"),)),
    "a bucket that is public to read": Scenario("""
        ListObjectsV2                + + + + + + + + + +
        GetObject                k   - + + + + - + + - +
        PutObject                k   - - + + + - - + - +
    """, acl="public-read"),
    "a bucket that is public to write": Scenario("""
        PutObject                k   + + + + + + + + + +
        DeleteObject             k   + + + + + + + + + +
        GetObject                k   - + + + + - + + - +
    """, acl="public-read-write"),
    "a bucket for everybody with an account": Scenario("""
        ListObjectsV2                + + + + + + + + + +
    """, acl="authenticated-read"),
    "objects that are public to read": Scenario("""
        GetObject                k   + + + + + + + + + +
        PutObject                k   - - + + + - - + - +
    """, object_acl="public-read"),
    "public ACLs that are ignored": Scenario("""
        ListObjectsV2                - + + + + - + + - +
        GetObject                k   - + + + + - + + - +
    """, acl="public-read", object_acl="public-read",
        documents=(PublicAccessBlock(ignore_public_acls=True),)),
    "public ACLs that are off": Scenario("""
        ListObjectsV2                - + + + + - + + - +
    """, acl="public-read",
        documents=(OwnershipControls(Ownership.BUCKET_OWNER_ENFORCED),)),
    "a grant to the account is not its users'": Scenario("""
        ListObjectsV2                - + + + + - + + + +
        PutObject                k   - - + + + - - + + +
    """, acl=(Grant(Permission.FULL_CONTROL, ROOT_ACCOUNT),), owner=ALICE),
    "a public policy in a restricted bucket is for its account": Scenario("""
        GetObject                k   + + + + + + + + - +
    """, policy=(statement(),), documents=(PublicAccessBlock(restrict_public_buckets=True),)),
    "a public policy in another account's restricted bucket": Scenario("""
        GetObject                k   - + + + + - + + + +
    """, policy=(statement(),), documents=(PublicAccessBlock(restrict_public_buckets=True),),
        owner=ALICE),
    "who began an upload": Scenario("""
        ListParts                k   + + + + + - + + - +
        AbortMultipartUpload     k   + - + + + - - + - +
        UploadPart               k   - - + + + - - + - +
    """, facts={"found_initiator": f"arn:aws:iam::{NUMBER}:user/none"}),
    "who began an upload in a session": Scenario("""
        AbortMultipartUpload     k   - - + + + - + + - +
    """, facts={"found_initiator": f"arn:aws:sts::{NUMBER}:assumed-role/etl/nightly"}),
    "an upload that the root account began is not its users'": Scenario("""
        AbortMultipartUpload     k   - - + + + - - + - +
    """, facts={"found_initiator": ROOT_ACCOUNT}),
}  # fmt: skip


def rows() -> list[Any]:
    found = []
    for name, scenario in SCENARIOS.items():
        for line in scenario.grid.strip().splitlines():
            operation, *keys = line.split()[: -len(PRINCIPALS)]
            signs = line.split()[-len(PRINCIPALS) :]
            for caller, sign in zip(PRINCIPALS, signs, strict=True):
                key = keys[0] if keys else ""
                title = f"{name}-{operation}-{key}-{caller}"
                found.append(pytest.param(scenario, operation, key, caller, sign == "+", id=title))
    return found


ROWS = rows()


def bucket_of(scenario: Scenario) -> BucketInfo:
    info = BucketInfo(BUCKET, scenario.owner, 0)
    acl = scenario.acl
    grants = canned_bucket_acl(acl, scenario.owner) if isinstance(acl, str) else acl
    documents = [BucketAcl(grants or ()), HoldsForeignObjects(), *scenario.documents]
    if scenario.policy:
        documents.append(BucketPolicy(policy(*scenario.policy)))
    for document in documents:
        info = with_setting(info, document)
    return with_access(info, scenario.access)


@pytest.mark.parametrize(("scenario", "operation", "key", "caller", "allowed"), ROWS)
def test_the_decision(
    scenario: Scenario, operation: str, key: str, caller: str, allowed: bool
) -> None:
    owner = BOB if key == "bobs" else ""
    grants = canned(scenario.object_acl, owner or scenario.owner, scenario.owner)
    found = {"found_object": ObjectFacts(owner, grants), "found_initiator": "", **scenario.facts}
    request = replace(asked(PRINCIPALS[caller], operation, key, **found), owner=scenario.owner)
    assert allows(request, rules_of(bucket_of(scenario))) is allowed


def test_the_table_is_long_enough() -> None:
    assert len(ROWS) >= 300


# What policies can name


@pytest.mark.parametrize(
    "name",
    [
        f"arn:aws:iam::{NUMBER}:user/carol",
        f"arn:aws:iam::{ROOT_ACCOUNT}:user/carol",
        f"arn:aws:iam::{NUMBER}:user/a/path/carol@example.com",
        f"arn:aws:iam::{NUMBER}:role/etl",
        f"arn:aws:sts::{NUMBER}:assumed-role/etl/nightly",
        f"arn:aws:iam::{NUMBER}:root",
        NUMBER,
    ],
)
def test_a_policy_names_users_roles_and_sessions(name: str) -> None:
    text = policy(statement(Principal={"AWS": name}))
    assert read_policy(text, BUCKET).verdict(asked_by(PRINCIPALS["none"])) is Verdict.NONE


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:iam::123456789012:user/carol",
        "arn:aws:iam::alice:user/carol",
        f"arn:aws:iam::{NUMBER}:user/*",
        f"arn:aws:iam::{NUMBER}:user/car?l",
        f"arn:aws:iam::{NUMBER}:user/",
        f"arn:aws:iam::{NUMBER}:group/team",
        f"arn:aws:iam::{NUMBER}:assumed-role/etl/nightly",
        f"arn:aws:sts::{NUMBER}:assumed-role/etl",
        f"arn:aws:sts::{NUMBER}:assumed-role/etl/*",
        f"arn:aws:sts::{NUMBER}:federated-user/carol",
        f"arn:aws:iam::{NUMBER}:user/" + "x" * 257,
    ],
)
def test_a_principal_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(S3Error) as caught:
        read_policy(policy(statement(Principal={"AWS": name})), BUCKET)
    assert caught.value.code is Code.MalformedPolicy


def test_the_ids_of_users_and_roles_are_their_own() -> None:
    ids = {name: who.user_id for name, who in PRINCIPALS.items()}
    assert len(set(ids.values())) == len(PRINCIPALS)
    assert (ids["alice"], ids["root"]) == (ALICE, NUMBER)
    assert (ids["none"][:4], len(ids["none"])) == ("AIDA", 21)
    assert (ids["etl"][:4], ids["etl"][21:]) == ("AROA", ":nightly")
    named_like_an_account = user(ALICE, Permissions())
    assert named_like_an_account.user_id != ALICE


# The attribute


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ro", "771"),
        ("18446744073709551587", "771"),
        (18446744073709551587, "771"),
        ("rw", "831"),
        ("GET,PATCH", "1025"),
        (str(1 << 63), str(1 << 63)),
    ],
)
def test_the_attribute_is_kept_as_a_number(written: str | int, kept: str) -> None:
    info = with_access(BucketInfo(BUCKET, ALICE, 0), written)
    assert json.loads(info.settings[BucketAccess.setting_name]) == {"mask": kept}


@pytest.mark.parametrize("written", ["su", "all", ALL, str(ALL), 0, "0"])
def test_an_attribute_that_leaves_out_nothing_is_not_kept(written: str | int) -> None:
    closed = with_access(BucketInfo(BUCKET, ALICE, 0), "ro")
    assert with_access(closed, written).settings == {}


def test_a_wrong_attribute_changes_nothing() -> None:
    with pytest.raises(ValueError, match="permission"):
        with_access(BucketInfo(BUCKET, ALICE, 0), "readonly")
