"""What holds of every decision, whatever the policies say."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from s3gw.access.acl import BucketAcl, canned_bucket_acl, canned_object_acl
from s3gw.access.bucket_access import with_access
from s3gw.access.decide import allows, rules_of
from s3gw.access.ownership import HoldsForeignObjects
from s3gw.access.policy import BucketPolicy
from s3gw.access.request import AccessRequest, ObjectFacts
from s3gw.identity.accounts import ROOT_ACCOUNT, Principal, Session
from s3gw.identity.permissions import ALL
from storage.settings import with_setting
from storage.values import BucketInfo
from tests.s3.access.documents import ALICE, ARN, BOB, BUCKET, policy, statement
from tests.s3.access.principals import NUMBER, PRINCIPALS, RIGHTS, asked

ARNS = [
    f"arn:aws:iam::{NUMBER}:root",
    f"arn:aws:iam::{NUMBER}:user/reader",
    f"arn:aws:iam::{NUMBER}:user/none",
    f"arn:aws:iam::{NUMBER}:role/etl",
    f"arn:aws:sts::{NUMBER}:assumed-role/etl/nightly",
    ALICE,
    BOB,
]
NAMED = st.lists(st.sampled_from(ARNS), min_size=1, max_size=3, unique=True)
WHO = st.just("*") | NAMED.map(lambda names: {"AWS": names})
ACTIONS = st.sampled_from(["s3:*", "s3:Get*", "s3:GetObject", "s3:Put*", "s3:ListBucket", "s3:?e*"])
RESOURCES = st.sampled_from(["*", ARN, f"{ARN}/*", f"{ARN}/k", f"{ARN}/other/*"])
CONDITIONS = st.sampled_from(
    [
        None,
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"StringLike": {"s3:ExistingObjectTag/a": "*"}},
        {"StringNotEquals": {"aws:username": "reader"}},
        {"Null": {"aws:PrincipalArn": "true"}},
    ]
)


def statements(effect: st.SearchStrategy[str], *, principal_for_session: bool = False) -> Any:
    return st.builds(
        statement,
        Effect=effect,
        Principal=st.none() if principal_for_session else WHO,
        Action=ACTIONS,
        Resource=RESOURCES,
        Condition=CONDITIONS,
    )


ALLOW, DENY = st.just("Allow"), st.just("Deny")
EITHER = st.lists(statements(ALLOW | DENY), max_size=3)
OF_SESSION = st.lists(statements(ALLOW | DENY, principal_for_session=True), min_size=1, max_size=3)
PEOPLE = st.sampled_from([*PRINCIPALS.values(), Principal(BOB), Principal.anonymous()])
REQUESTS = st.builds(
    lambda who, operation, client, tags: asked(
        who,
        operation,
        "k",
        client=client,
        found_object=ObjectFacts("", canned_object_acl("private", ALICE, ALICE), tags),
        found_initiator="",
    ),
    PEOPLE,
    st.sampled_from(sorted(set(RIGHTS) - {"ListBuckets", "CreateBucket", "PostObject"})),
    st.sampled_from(["", "10.1.1.1", "192.0.2.1"]),
    st.sampled_from([{}, {"a": "b"}]),
)
ACLS = st.sampled_from(["private", "public-read", "public-read-write", "authenticated-read"])
OWNERS = st.sampled_from([ALICE, ROOT_ACCOUNT])
MASKS = st.just(ALL) | st.integers(0, (1 << 18) - 1)


def bucket(owner: str, acl: str, *documents: dict[str, Any], mask: int = ALL) -> BucketInfo:
    grants = canned_bucket_acl(acl, owner) or ()
    info = with_setting(BucketInfo(BUCKET, owner, 0), BucketAcl(grants))
    info = with_setting(info, HoldsForeignObjects())
    if documents:
        info = with_setting(info, BucketPolicy(policy(*documents)))
    return with_access(info, mask)


def narrowed(request: AccessRequest, *documents: dict[str, Any]) -> AccessRequest:
    who = request.caller.principal
    session = replace(who.session or Session("s", 0), policy=policy(*documents))
    who = replace(who, session=session)
    return replace(request, caller=replace(request.caller, principal=who))


@given(REQUESTS, OWNERS, ACLS, EITHER, OF_SESSION)
def test_a_session_policy_never_widens(
    request: AccessRequest,
    owner: str,
    acl: str,
    documents: list[dict[str, Any]],
    principal_for_session: list[dict[str, Any]],
) -> None:
    """Against the same session with a policy that allows everything."""
    rules = rules_of(bucket(owner, acl, *documents))
    anything = statement(Principal=None, Action="s3:*", Resource="*")
    if allows(narrowed(request, *principal_for_session), rules):
        assert allows(narrowed(request, anything), rules)


@given(REQUESTS, OWNERS, ACLS, EITHER, statements(ALLOW))
def test_to_allow_something_more_denies_nothing(
    request: AccessRequest,
    owner: str,
    acl: str,
    documents: list[dict[str, Any]],
    more: dict[str, Any],
) -> None:
    if allows(request, rules_of(bucket(owner, acl, *documents))):
        assert allows(request, rules_of(bucket(owner, acl, *documents, more)))


@given(REQUESTS, OWNERS, ACLS, EITHER, statements(DENY), st.integers(0, 3))
def test_to_deny_something_more_allows_nothing(
    request: AccessRequest,
    owner: str,
    acl: str,
    documents: list[dict[str, Any]],
    more: dict[str, Any],
    at: int,
) -> None:
    with_more = [*documents[:at], more, *documents[at:]]
    if allows(request, rules_of(bucket(owner, acl, *with_more))):
        assert allows(request, rules_of(bucket(owner, acl, *documents)))


@given(REQUESTS, OWNERS, ACLS, EITHER, statements(DENY))
def test_what_a_policy_denies_is_denied_but_for_the_way_back(
    request: AccessRequest,
    owner: str,
    acl: str,
    documents: list[dict[str, Any]],
    no: dict[str, Any],
) -> None:
    everybody = {**no, "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {}}
    who = request.caller.principal
    way_back = who.account == owner and not who.is_user and request.action.endswith("BucketPolicy")
    allowed = allows(request, rules_of(bucket(owner, acl, *documents, everybody)))
    assert allowed is (who.is_root or way_back)


@given(REQUESTS, OWNERS, ACLS, EITHER, MASKS, MASKS)
def test_the_attribute_never_widens(
    request: AccessRequest,
    owner: str,
    acl: str,
    documents: list[dict[str, Any]],
    one: int,
    two: int,
) -> None:
    if allows(request, rules_of(bucket(owner, acl, *documents, mask=one & two))):
        assert allows(request, rules_of(bucket(owner, acl, *documents, mask=one)))


@given(REQUESTS, ACLS, EITHER)
def test_users_have_nothing_by_the_bucket_being_their_accounts(
    request: AccessRequest, acl: str, documents: list[dict[str, Any]]
) -> None:
    """But for public policies in restricted buckets, which these are not."""
    if not request.caller.is_user:
        return
    own = rules_of(bucket(ROOT_ACCOUNT, acl, *documents))
    anothers = rules_of(bucket(BOB, acl, *documents))
    assert allows(request, own) is allows(request, anothers)
