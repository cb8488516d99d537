"""Bucket policies are read strictly: what could not be enforced is refused, with AWS' words."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3gw.access.patterns import read_pattern
from s3gw.access.policy import MAX_BYTES, Verdict, read_policy
from s3gw.access.request import Fact, FactRequired
from s3gw.wire.errors import Code, S3Error
from tests.s3.access.documents import ALICE, ARN, BOB, BUCKET, policy, request, statement

# Principals, actions and resources that are none.
WRONG_PRINCIPALS: list[Any] = [
    "bob",
    [],
    {},
    {"AWS": []},
    {"AWS": 1},
    {"AWS": "arn:aws:iam::bob:user/x"},
    {"AWS": "arn:aws:iam::bob:role/x"},
    {"AWS": "arn:aws:sts::bob:assumed-role/x/y"},
    {"AWS": "b*"},
    {"CanonicalUser": "arn:aws:iam::bob:root"},
    {"Federated": "x"},
    {"Service": "ec2.amazonaws.com"},
    {"AWS": "*", "Other": "*"},
]
WRONG_ACTIONS: list[Any] = [
    "",
    [],
    "GetObject",
    "s3:GetObjekt",
    "s3:Nothing*",
    "ec2:*",
    1,
    {},
    "s3:",
]
WRONG_RESOURCES: list[Any] = [
    "",
    [],
    1,
    "bucket/*",
    "arn:aws:s3:::other/*",
    "arn:aws:s3:::bucke/*",
    "arn:aws:ec2:::bucket/*",
    f"{ARN}2/*",
]

NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"

INVALID_KEY = "Policy has an invalid condition key"
MALFORMED = [
    ("", NOT_JSON),
    ("[]", NOT_JSON),
    (" {}", NOT_JSON),
    ("{", NOT_JSON),
    ('"x"', NOT_JSON),
    ('{"Version": NaN}', NOT_JSON),
    ("[" * 20000, NOT_JSON),
    ('{"a":' * 4000, NOT_JSON),
    ("{}", "Missing required field Statement"),
    (policy(), "Could not parse the policy: Statement is empty!"),
    (policy(statement(), Version="2013-01-01"), "The policy must contain a valid version string"),
    (policy(statement(), Version=1), "The policy must contain a valid version string"),
    (policy(statement(), Id=1), "The policy must contain a valid Id string"),
    (policy(statement(), Extra=1), "Unknown field Extra"),
    (policy(statement(Extra=1)), "Unknown field Extra"),
    ('{"Statement": [1]}', "Statement must be an object"),
    ('{"Statement": [], "Statement": []}', "Duplicate element in policy"),
    (policy(statement(Effect=None)), "Missing required field Effect"),
    (policy(statement(Effect="allow")), "Invalid effect : allow"),
    (policy(statement(Principal=None)), "Missing required field Principal"),
    (policy(statement(Action=None)), "Missing required field Action"),
    (policy(statement(Resource=None)), "Missing required field Resource"),
    (policy(statement(NotAction="s3:*")), "Statement must not have both Action and NotAction"),
    (
        policy(statement(Principal=None, NotPrincipal={"AWS": BOB})),
        "Allow with NotPrincipal is not allowed.",
    ),
    (policy(statement(Sid=1)), "Statement IDs (SID) must be strings."),
    (
        policy(statement(Sid="a"), statement(Sid="a")),
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    *(
        (policy(statement(Principal=wrong)), "Invalid principal in policy")
        for wrong in WRONG_PRINCIPALS
    ),
    *((policy(statement(Action=wrong)), "Policy has invalid action") for wrong in WRONG_ACTIONS),
    *(
        (policy(statement(Resource=wrong)), "Policy has invalid resource")
        for wrong in WRONG_RESOURCES
    ),
    (policy(statement(Condition=[])), "Condition must be an object"),
    (policy(statement(Condition={"Bool": 1})), "Condition Bool must be an object"),
    *(
        (policy(statement(Condition=wrong)), message)
        for wrong, message in (
            ({"StringEqualz": {"aws:Referer": "x"}}, "Invalid Condition type : StringEqualz"),
            ({"NullIfExists": {"aws:Referer": "true"}}, "Invalid Condition type : NullIfExists"),
            ({"StringEquals": {"aws:Nonsense": "x"}}, INVALID_KEY),
            (
                {"StringEquals": {"s3:ExistingObjectTag/": "x"}},
                "Policy has an invalid condition key",
            ),
            ({"StringEquals": {"Referer": "x"}}, INVALID_KEY),
            ({"StringEquals": {"aws:Referer": []}}, "Conditions need at least one value"),
            ({"StringEquals": {"aws:Referer": {}}}, "Invalid value in Conditions"),
            ({"StringEquals": {"aws:Referer": None}}, "Invalid value in Conditions"),
            ({"IpAddress": {"aws:SourceIp": "10.0.0"}}, "Invalid IP address in Conditions"),
            ({"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}, "Invalid IP address in Conditions"),
            ({"NumericEquals": {"s3:max-keys": "ten"}}, "Invalid number in Conditions: ten"),
            ({"DateLessThan": {"aws:CurrentTime": "soon"}}, "Invalid date in Conditions: soon"),
            ({"Bool": {"aws:SecureTransport": "yes"}}, "Invalid boolean in Conditions: yes"),
            ({"ArnLike": {"aws:PrincipalArn": "bob"}}, "Invalid ARN in Conditions: bob"),
            (
                {"StringLike": {"s3:prefix": "${aws:nothing}"}},
                "Policy has an invalid condition key",
            ),
        )
    ),
    (policy(statement(Resource=f"{ARN}/${{aws:x}}/*")), INVALID_KEY),
    (
        policy(statement(), Id="x" * MAX_BYTES),
        "Normalized policy document exceeds the maximum allowed size of 20480 bytes.",
    ),
]


@pytest.mark.parametrize(("text", "message"), MALFORMED)
def test_a_malformed_policy_is_refused(text: str, message: str) -> None:
    with pytest.raises(S3Error) as caught:
        read_policy(text, BUCKET)
    assert caught.value.code is Code.MalformedPolicy
    assert caught.value.message == message


@pytest.mark.parametrize(
    "key",
    [
        "aws:SourceVpc",
        "aws:PrincipalOrgID",
        "aws:SourceOwner",
        "s3:TlsVersion",
        "aws:ResourceTag/a",
    ],
)
def test_a_key_that_only_aws_can_evaluate_is_not_implemented(key: str) -> None:
    with pytest.raises(S3Error) as caught:
        read_policy(policy(statement(Condition={"StringEquals": {key: "x"}})), BUCKET)
    assert caught.value.code is Code.NotImplemented
    assert key in caught.value.message


def test_a_policy_as_long_as_allowed_is_read() -> None:
    text = policy(statement(), Id="")
    assert read_policy(text.replace('""', f'"{"x" * (MAX_BYTES - len(text))}"'), BUCKET)


# (statement, caller, action, key, what the policy says)
A, D, N = Verdict.ALLOW, Verdict.DENY, Verdict.NONE
VERDICTS: list[tuple[dict[str, Any], str, str, str, Verdict]] = [
    ({}, BOB, "GetObject", "k", A),
    ({}, "nobody", "GetObject", "k", A),
    ({}, BOB, "PutObject", "k", N),
    ({}, BOB, "GetObjectVersion", "k", N),
    ({"Effect": "Deny"}, BOB, "GetObject", "k", D),
    ({"Action": "*"}, BOB, "PutObject", "k", A),
    ({"Action": "s3:*"}, BOB, "PutObject", "k", A),
    ({"Action": "s3:Get*"}, BOB, "GetObjectVersion", "k", A),
    ({"Action": "s3:Get*"}, BOB, "PutObject", "k", N),
    ({"Action": "S3:getobject"}, BOB, "GetObject", "k", A),
    ({"Action": "s3:GetObjec?"}, BOB, "GetObject", "k", A),
    ({"Action": ["s3:PutObject", "s3:GetObject"]}, BOB, "GetObject", "k", A),
    ({"Action": None, "NotAction": "s3:GetObject"}, BOB, "GetObject", "k", N),
    ({"Action": None, "NotAction": "s3:GetObject"}, BOB, "PutObject", "k", A),
    ({"Resource": ARN}, BOB, "GetObject", "k", N),
    ({"Resource": ARN, "Action": "s3:ListBucket"}, BOB, "ListBucket", "", A),
    ({"Resource": f"{ARN}/*", "Action": "s3:ListBucket"}, BOB, "ListBucket", "", N),
    ({"Resource": "*", "Action": "s3:ListBucket"}, BOB, "ListBucket", "", A),
    ({"Resource": "arn:aws:s3:::*"}, BOB, "GetObject", "k", A),
    ({"Resource": f"{ARN}/a/*"}, BOB, "GetObject", "a/b/c", A),
    ({"Resource": f"{ARN}/a/*"}, BOB, "GetObject", "a", N),
    ({"Resource": f"{ARN}/a?c"}, BOB, "GetObject", "abc", A),
    ({"Resource": f"{ARN}/a?c"}, BOB, "GetObject", "abbc", N),
    ({"Resource": f"{ARN}/a*b*c"}, BOB, "GetObject", "aXbYbc", A),
    ({"Resource": f"{ARN}/a.c"}, BOB, "GetObject", "abc", N),
    ({"Resource": f"{ARN}/a\n*"}, BOB, "GetObject", "a\n\n", A),
    ({"Resource": None, "NotResource": f"{ARN}/private/*"}, BOB, "GetObject", "k", A),
    ({"Resource": None, "NotResource": f"{ARN}/private/*"}, BOB, "GetObject", "private/k", N),
    ({"Resource": f"{ARN}/home/${{aws:userid}}/*"}, BOB, "GetObject", "home/bob/x", A),
    ({"Resource": f"{ARN}/home/${{aws:userid}}/*"}, BOB, "GetObject", "home/eve/x", N),
    ({"Resource": f"{ARN}/${{aws:Referer, 'x'}}"}, BOB, "GetObject", "x", A),
    ({"Resource": f"{ARN}/${{aws:Referer}}"}, BOB, "GetObject", "x", N),
    ({"Resource": f"{ARN}/${{*}}"}, BOB, "GetObject", "*", A),
    ({"Resource": f"{ARN}/${{*}}"}, BOB, "GetObject", "x", N),
    ({"Principal": {"AWS": "*"}}, "nobody", "GetObject", "k", A),
    ({"Principal": {"AWS": BOB}}, BOB, "GetObject", "k", A),
    ({"Principal": {"AWS": BOB}}, "eve", "GetObject", "k", N),
    ({"Principal": {"AWS": BOB}}, "nobody", "GetObject", "k", N),
    ({"Principal": {"AWS": ["eve", BOB]}}, BOB, "GetObject", "k", A),
    ({"Principal": {"AWS": "arn:aws:iam::bob:root"}}, BOB, "GetObject", "k", A),
    ({"Principal": {"CanonicalUser": BOB}}, BOB, "GetObject", "k", A),
    ({"Principal": {"Service": "logging.s3.amazonaws.com"}}, BOB, "GetObject", "k", N),
    (
        {"Effect": "Deny", "Principal": None, "NotPrincipal": {"AWS": ALICE}},
        BOB,
        "GetObject",
        "k",
        D,
    ),
    (
        {"Effect": "Deny", "Principal": None, "NotPrincipal": {"AWS": ALICE}},
        ALICE,
        "GetObject",
        "k",
        N,
    ),
]


@pytest.mark.parametrize(("elements", "caller", "action", "key", "verdict"), VERDICTS)
def test_a_statement_applies_to_its_requests_only(
    elements: dict[str, Any], caller: str, action: str, key: str, verdict: Verdict
) -> None:
    read = read_policy(policy(statement(**elements)), BUCKET)
    assert read.verdict(request(caller, f"s3:{action}", key)) is verdict


@pytest.mark.parametrize("first", ["Allow", "Deny"])
def test_a_denial_outweighs_what_allows(first: str) -> None:
    second = {"Allow": "Deny", "Deny": "Allow"}[first]
    read = read_policy(policy(statement(Effect=first), statement(Effect=second)), BUCKET)
    assert read.verdict(request()) is Verdict.DENY


def test_the_old_version_knows_no_variables() -> None:
    text = policy(statement(Resource=f"{ARN}/${{aws:userid}}"), Version="2008-10-17")
    assert read_policy(text, BUCKET).verdict(request(key="${aws:userid}")) is Verdict.ALLOW
    assert read_policy(text, BUCKET).verdict(request(key=BOB)) is Verdict.NONE


def test_a_statement_may_stand_without_a_list() -> None:
    text = json.dumps({"Statement": statement()})
    assert read_policy(text, BUCKET).verdict(request()) is Verdict.ALLOW


def test_many_wildcards_cost_no_more_than_a_look_at_the_text() -> None:
    """With backtracking over each star this would take longer than anybody waits."""
    text = policy(statement(Resource=f"{ARN}/" + "*a" * 60 + "b"))
    assert read_policy(text, BUCKET).verdict(request(key="a" * 1024)) is Verdict.NONE


# Anything at all: a policy is refused with its own code, or gives a verdict.

_WORDS = """
    Version Id Statement Sid Effect Principal NotPrincipal Action NotAction Resource NotResource
    Condition Allow Deny AWS CanonicalUser Service * s3:* s3:GetObject s3:Get* 2012-10-17
    arn:aws:s3:::bucket arn:aws:s3:::bucket/* ${aws:userid} ${ } arn:aws:iam::bob:root bob
    StringEquals StringNotLike NumericLessThan DateEquals Bool IpAddress ArnLike Null
    ForAllValues:StringLike ForAnyValue:StringEqualsIfExists aws:SourceIp aws:Referer s3:prefix
    s3:ExistingObjectTag/a s3:RequestObjectTagKeys true false 10.0.0.0/8 10 1e400 -1
"""
WORDS = st.sampled_from(_WORDS.split())
VALUES = st.recursive(
    WORDS | st.text(max_size=8) | st.integers() | st.floats() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)
STATEMENTS = st.dictionaries(WORDS, VALUES, max_size=6).map(lambda odd: statement(**odd))
NEARLY = st.lists(STATEMENTS, min_size=1, max_size=2).map(lambda some: policy(*some))
CONDITIONED = st.dictionaries(
    WORDS, st.dictionaries(WORDS, VALUES, min_size=1, max_size=2), min_size=1, max_size=2
).map(lambda odd: policy(statement(Condition=odd)))


@settings(max_examples=600)
@given(st.text() | VALUES.map(json.dumps) | NEARLY | CONDITIONED)
def test_no_policy_breaks_the_reader(text: str) -> None:
    assert outcome(text) in (Code.MalformedPolicy, Code.NotImplemented, *Verdict, *Fact)


def outcome(text: str) -> object:
    try:
        return read_policy(text, BUCKET).verdict(request(client="127.0.0.1"))
    except S3Error as error:
        return error.code
    except FactRequired as needed:
        return needed.fact


# Variables that stand for nothing: anonymous callers have no user name.
UNRESOLVED = "${aws:username}"
RESTING_ON_NOTHING: list[dict[str, Any]] = [
    {"Resource": f"{ARN}/{UNRESOLVED}"},
    {"Resource": None, "NotResource": f"{ARN}/{UNRESOLVED}"},
    {"Resource": None, "NotResource": [f"{ARN}/other", f"{ARN}/{UNRESOLVED}/*"]},
    *(
        {"Condition": {f"{quantifier}{operator}{suffix}": {key: value}}}
        for quantifier in ("", "ForAllValues:", "ForAnyValue:")
        for suffix in ("", "IfExists")
        for key in ("s3:prefix", "aws:SourceArn", "aws:UserAgent")
        for operator, value in [
            *((f"String{name}", UNRESOLVED) for name in ("Equals", "Like")),
            *((f"StringNot{name}", UNRESOLVED) for name in ("Equals", "Like", "EqualsIgnoreCase")),
            *((f"Arn{name}", f"arn:aws:s3:::{UNRESOLVED}") for name in ("Like", "NotLike")),
            *((f"Arn{name}", f"arn:aws:s3:::{UNRESOLVED}") for name in ("Equals", "NotEquals")),
        ]
    ),
]


@pytest.mark.parametrize("elements", RESTING_ON_NOTHING)
def test_a_variable_that_stands_for_nothing_never_allows(elements: dict[str, Any]) -> None:
    read = read_policy(policy(statement(**elements)), BUCKET)
    asked = request("nobody", headers={"user-agent": "curl"}, query={"prefix": "a"})
    assert read.verdict(asked) is Verdict.NONE


def test_a_variable_that_stands_for_nothing_still_denies() -> None:
    elements = {"Resource": None, "NotResource": f"{ARN}/{UNRESOLVED}"}
    read = read_policy(policy(statement(Effect="Deny", **elements)), BUCKET)
    assert read.verdict(request("nobody")) is Verdict.DENY


def test_a_pattern_without_variables_beside_it_allows_what_it_names() -> None:
    elements = {"Resource": [f"{ARN}/public/*", f"{ARN}/home/{UNRESOLVED}/*"]}
    read = read_policy(policy(statement(**elements)), BUCKET)
    assert read.verdict(request("nobody", key="public/a")) is Verdict.ALLOW
    assert read.verdict(request("nobody", key="home/a/b")) is Verdict.NONE


runs = st.lists(st.sampled_from(["a", "b", "ab", "*", "?"]), max_size=8).map("".join)


@given(runs, st.text("ab", max_size=10))
def test_wildcards_match_as_shell_patterns_do(pattern: str, text: str) -> None:
    found = read_pattern(pattern, variables=False).matches(text, lambda _: None)
    assert found is fnmatchcase(text, pattern)


@given(runs, st.text("ab*?", max_size=3), st.text("ab*?", max_size=6))
def test_the_value_of_a_variable_is_taken_literally(pattern: str, value: str, text: str) -> None:
    read = read_pattern(pattern + "${aws:userid}", variables=True)
    literal = "".join(f"[{letter}]" for letter in value)
    assert read.matches(text, lambda _: value) is fnmatchcase(text, pattern + literal)


def test_an_empty_id_is_no_id() -> None:
    """Terraform writes them."""
    text = policy(statement(Sid=""), statement(Sid=""), statement(Sid="a"))
    assert len(read_policy(text, BUCKET).statements) == 3
