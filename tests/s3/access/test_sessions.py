"""Sessions: temporary credentials that a policy narrows, and what needs no bucket."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from s3gw.access.decide import allows, allows_without_bucket, rules_of
from s3gw.access.request import ObjectFacts
from s3gw.access.session import MAX_CHARACTERS, SessionPolicyError, read_session_policy
from s3gw.identity.accounts import Principal, Session
from s3gw.identity.rights import Access
from storage.values import BucketInfo
from tests.s3.access.documents import ALICE, ARN, BUCKET, asked_by, policy, statement
from tests.s3.access.principals import PRINCIPALS, asked


def session_policy(*statements: dict[str, Any]) -> str:
    return policy(*(statement(**{"Principal": None, **each}) for each in statements))


GET_K = session_policy({"Action": "s3:GetObject", "Resource": f"{ARN}/k*"})
ANYTHING = session_policy({"Action": "s3:*", "Resource": "*"})
ELSEWHERE = session_policy({"Action": "s3:*", "Resource": ["arn:aws:s3:::other*"]})
BUT_DELETE = session_policy(
    {"Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"},
)
FROM_HERE = session_policy(
    {
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    }
)
LISTING = session_policy({"Action": ["s3:ListAllMyBuckets"], "Resource": "arn:aws:s3:::*"})
MAKING = session_policy({"Action": "s3:CreateBucket", "Resource": f"{ARN}*"})

# Each column is one more policy of the session: none, GET_K, ANYTHING, ELSEWHERE, BUT_DELETE,
# FROM_HERE, and one that cannot be read.
POLICIES = ["", GET_K, ANYTHING, ELSEWHERE, BUT_DELETE, FROM_HERE, "{}"]
IN_SESSIONS = """
    none    GetObject       k       - - - - - - -
    none    HeadBucket      .       - - - - - - -
    reader  GetObject       k       + + + - + - -
    reader  GetObject       l       + - + - + - -
    reader  HeadBucket      .       + - + - + - -
    reader  PutObject       k       - - - - - - -
    reader  DeleteObject    k       - - - - - - -
    writer  GetObject       k       + + + - + - -
    writer  PutObject       k       + - + - + - -
    writer  DeleteObject    k       + - + - - - -
    keeper  PutBucketPolicy .       + - + - + - -
    keeper  DeleteBucket    .       + - + - - - -
    mine    GetObject       k       + + + - + - -
    yours   GetObject       k       - - - - - - -
    etl     GetObject       k       + + + - + - -
    etl     ListObjectsV2   .       + - + - + - -
    admin   GetObject       k       + + + - + - -
    admin   DeleteObject    k       + - + - - - -
    admin   PutBucketPolicy .       + - + - + - -
    alice   GetObject       k       + + + - + - -
    alice   PutObject       k       + - + - + - -
    alice   DeleteBucket    .       + - + - - - -
    alice   GetBucketPolicy .       + - + - + - -
    root    GetObject       k       + + + - + - -
    root    GetObject       l       + - + - + - -
    root    PutObject       k       + - + - + - -
    root    DeleteObject    k       + - + - - - -
    root    PutBucketAcl    .       + - + - + - -
"""


def in_session(who: Principal, text: str) -> Principal:
    session = replace(who.session or Session("s", 2_000_000_000), policy=text)
    return replace(who, session=session)


def session_cells() -> list[tuple[str, str, str, str, bool]]:
    found = []
    for line in IN_SESSIONS.strip().splitlines():
        caller, operation, key, *signs = line.split()
        for text, sign in zip(POLICIES, signs, strict=True):
            found.append((caller, operation, key.replace(".", ""), text, sign == "+"))
    return found


@pytest.mark.parametrize(("caller", "operation", "key", "text", "allowed"), session_cells())
def test_a_session_is_narrowed(
    caller: str, operation: str, key: str, text: str, allowed: bool
) -> None:
    who = in_session(PRINCIPALS[caller], text)
    request = asked(who, operation, key, found_object=ObjectFacts(), client="192.0.2.1")
    assert allows(request, rules_of(BucketInfo(BUCKET, ALICE, 0))) is allowed


def test_a_session_policy_is_asked_for_conditions() -> None:
    who = in_session(PRINCIPALS["root"], FROM_HERE)
    rules = rules_of(BucketInfo(BUCKET, ALICE, 0))
    assert allows(asked(who, "GetObject", "k", client="10.1.2.3"), rules)
    assert not allows(asked(who, "GetObject", "k"), rules)


# Without a bucket: each column is a policy of the session: none, LISTING, MAKING, ANYTHING.
WITHOUT_BUCKET = """
    none    ListBuckets     - - - -
    none    CreateBucket    - - - -
    reader  ListBuckets     - - - -
    writer  CreateBucket    - - - -
    keeper  ListBuckets     + + - +
    keeper  CreateBucket    + - + +
    mine    ListBuckets     - - - -
    mine    CreateBucket    - - - -
    yours   CreateBucket    - - - -
    etl     ListBuckets     - - - -
    admin   ListBuckets     + + - +
    admin   CreateBucket    + - + +
    alice   ListBuckets     + + - +
    alice   CreateBucket    + - + +
    root    ListBuckets     + + - +
    root    CreateBucket    + - + +
"""


@pytest.mark.parametrize("line", [line.split() for line in WITHOUT_BUCKET.strip().splitlines()])
def test_what_needs_no_bucket_needs_a_right_about_the_cluster(line: list[str]) -> None:
    caller, operation, *signs = line
    bucket = BUCKET if operation == "CreateBucket" else ""
    for text, sign in zip(("", LISTING, MAKING, ANYTHING), signs, strict=True):
        request = asked(in_session(PRINCIPALS[caller], text), operation, "")
        assert allows_without_bucket(replace(request, bucket=bucket)) is (sign == "+")


@pytest.mark.parametrize("right", [Access.ADMIN, Access.DESTROY_BUCKET, Access.MOVE_BUCKET])
def test_accounts_have_no_rights_about_the_cluster(right: Access) -> None:
    def may(caller: str) -> bool:
        request = asked_by(PRINCIPALS[caller], "", "", access=right.value)
        return allows_without_bucket(replace(request, bucket=""))

    assert (may("alice"), may("root"), may("admin")) == (False, True, True)


def test_the_anonymous_may_do_nothing_without_a_bucket() -> None:
    for operation in ("ListBuckets", "CreateBucket"):
        assert not allows_without_bucket(asked(Principal.anonymous(), operation, ""))


# How they are read


@pytest.mark.parametrize(
    "elements",
    [
        {"Principal": "*"},
        {"Principal": {"AWS": "alice"}},
        {"NotPrincipal": "*"},
        {"Resource": None},
        {"Resource": "bucket/*"},
        {"Resource": "arn:aws:s3:::"},
        {"Resource": "arn:aws:dynamodb:::table"},
        {"Action": "iam:PassRole"},
        {"Action": "s3:GetObjects"},
        {"Effect": "allow"},
        {"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}},
        {"Condition": {"StringEquals": {"s3:nonsense": "x"}}},
        {"Surprise": "x"},
    ],
)
def test_a_session_policy_that_could_not_be_enforced_is_refused(elements: dict[str, Any]) -> None:
    with pytest.raises(SessionPolicyError):
        read_session_policy(session_policy(elements))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "x", '{"Statement": []}', " {}"])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(SessionPolicyError):
        read_session_policy(text)


def test_a_session_policy_has_a_limit() -> None:
    padding = MAX_CHARACTERS - len(session_policy({"Sid": ""}))
    assert read_session_policy(session_policy({"Sid": "x" * padding}))
    with pytest.raises(SessionPolicyError, match="2048"):
        read_session_policy(session_policy({"Sid": "x" * (padding + 1)}))


@pytest.mark.parametrize(
    "resource", ["*", "arn:aws:s3:::*", "arn:aws:s3:::b", ["arn:aws:s3:::b/*", "arn:aws:s3:::c"]]
)
def test_a_session_policy_is_about_any_bucket(resource: Any) -> None:
    assert read_session_policy(session_policy({"Resource": resource}))
