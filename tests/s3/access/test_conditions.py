"""The operators of conditions, one row each way."""

from __future__ import annotations

from typing import Any

import pytest

from s3gw.access.conditions import OPERATORS, read_condition
from s3gw.access.keys import ELSEWHERE, GETTERS
from s3gw.access.request import AccessRequest, Fact, FactRequired, ObjectFacts
from tests.s3.access.documents import request

REFERER = "aws:Referer"
# (operator, value in the policy, value in the request or None, whether it holds), on `aws:Referer`.
TEXTS: list[tuple[str, Any, str | None, bool]] = [
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", "a", None, False),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", "a*", "a*", True),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", "a", "a", False),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", ["a", "b"], "c", True),
    ("StringNotEquals", "a", None, True),
    ("StringEqualsIgnoreCase", "A", "a", True),
    ("StringEqualsIgnoreCase", "a", "b", False),
    ("StringNotEqualsIgnoreCase", "A", "a", False),
    ("StringNotEqualsIgnoreCase", "A", "b", True),
    ("StringLike", "http://*.com/*", "http://a.com/b", True),
    ("StringLike", "http://*.com/*", "https://a.com/b", False),
    ("StringLike", "a?c", "abc", True),
    ("StringLike", "", "", True),
    ("StringLike", "*", "", True),
    ("StringLike", "*", None, False),
    ("StringNotLike", "a*", "ab", False),
    ("StringNotLike", "a*", "ba", True),
    ("StringNotLike", "a*", None, True),
    ("stringlike", "a*", "ab", True),
    ("StringEqualsIfExists", "a", None, True),
    ("StringEqualsIfExists", "a", "a", True),
    ("StringEqualsIfExists", "a", "b", False),
    ("StringNotEqualsIfExists", "a", None, True),
    ("StringNotEqualsIfExists", "a", "a", False),
    ("Null", "true", None, True),
    ("Null", "true", "a", False),
    ("Null", "false", "a", True),
    ("Null", False, None, False),
    ("Null", ["true", "false"], None, True),
    ("NumericEquals", 10, "10", True),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", 10, "ten", False),
    ("NumericEquals", 10, None, False),
    ("NumericNotEquals", 10, "11", True),
    ("NumericNotEquals", 10, "10", False),
    ("NumericNotEquals", 10, None, True),
    ("NumericLessThan", 10, "9", True),
    ("NumericLessThan", 10, "10", False),
    ("NumericLessThanEquals", 10, "10", True),
    ("NumericLessThanEquals", 10, "11", False),
    ("NumericGreaterThan", 10, "11", True),
    ("NumericGreaterThan", 10, "10", False),
    ("NumericGreaterThanEquals", 10, "10", True),
    ("NumericGreaterThanEquals", 10, "9", False),
    ("NumericLessThanIfExists", 10, None, True),
    ("DateEquals", "2027-01-15T08:00:00Z", "1800000000", True),
    ("DateNotEquals", "2027-01-15T08:00:00Z", "1800000001", True),
    ("DateLessThan", "2027-01-15T08:00:00Z", "2027-01-15T07:59:59Z", True),
    ("DateLessThan", "2027-01-15", "2027-01-15T00:00:00Z", False),
    ("DateLessThanEquals", "2027-01-15", "2027-01-15T00:00:00Z", True),
    ("DateGreaterThan", 1800000000, "2027-01-15T08:00:01+00:00", True),
    ("DateGreaterThan", 1800000000, "then", False),
    ("DateGreaterThanEquals", "1800000000", "1800000000", True),
    ("Bool", "true", "true", True),
    ("Bool", True, "TRUE", True),
    ("Bool", "false", "true", False),
    ("Bool", "true", None, False),
    ("BoolIfExists", "true", None, True),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
    ("IpAddress", "10.0.0.0/8", "11.1.2.3", False),
    ("IpAddress", "10.1.2.3", "10.1.2.3", True),
    ("IpAddress", "10.1.2.3/8", "10.9.9.9", True),
    ("IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
    ("IpAddress", "10.0.0.0/8", "::ffff:10.1.2.3", True),
    ("IpAddress", "2001:db8::/32", "10.1.2.3", False),
    ("IpAddress", "10.0.0.0/8", "here", False),
    ("IpAddress", "10.0.0.0/8", None, False),
    ("NotIpAddress", "10.0.0.0/8", "11.1.2.3", True),
    ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
    ("NotIpAddress", "10.0.0.0/8", None, True),
    ("ArnEquals", "arn:aws:iam::bob:root", "arn:aws:iam::bob:root", True),
    ("ArnEquals", "arn:aws:iam::b*:root", "arn:aws:iam::bob:root", True),
    ("ArnLike", "arn:aws:iam::*:root", "arn:aws:iam::bob:root", True),
    ("ArnLike", "arn:*:*:*:*:*", "arn:aws:iam::bob:root", True),
    ("ArnLike", "*", "arn:aws:iam::bob:root", True),
    ("ArnLike", "arn:aws:s3:::a*", "arn:aws:s3:::a:b/c", True),
    ("ArnLike", "arn:aws:iam::b?b:root", "bob", False),
    ("ArnNotEquals", "arn:aws:iam::bob:root", "arn:aws:iam::eve:root", True),
    ("ArnNotLike", "arn:aws:iam::*:root", "arn:aws:iam::eve:root", False),
    ("ArnNotLike", "arn:aws:iam::*:root", None, True),
]


def asked(referer: str | None) -> AccessRequest:
    return request(headers={} if referer is None else {"referer": referer})


@pytest.mark.parametrize(("operator", "wanted", "sent", "holds"), TEXTS)
def test_an_operator_compares(operator: str, wanted: Any, sent: str | None, holds: bool) -> None:
    condition = read_condition(operator, REFERER, wanted, variables=True)
    assert condition.holds(asked(sent)) is holds


def test_every_operator_stands_in_the_table() -> None:
    named = {operator.lower().removesuffix("ifexists") for operator, *_ in TEXTS}
    assert OPERATORS.keys() | {"null"} <= named


# (operator, values in the policy, names of the tags that are sent, whether it holds)
SETS: list[tuple[str, list[str], str, bool]] = [
    ("ForAllValues:StringEquals", ["a", "b"], "a=1&b=2", True),
    ("ForAllValues:StringEquals", ["a", "b"], "a=1", True),
    ("ForAllValues:StringEquals", ["a"], "a=1&b=2", False),
    ("ForAllValues:StringEquals", ["a"], "", True),
    ("ForAnyValue:StringEquals", ["a"], "a=1&b=2", True),
    ("ForAnyValue:StringEquals", ["c"], "a=1&b=2", False),
    ("ForAnyValue:StringEquals", ["c"], "", False),
    ("ForAllValues:StringLike", ["x-*"], "x-a=1&x-b=2", True),
    ("ForAnyValue:StringNotEquals", ["a"], "a=1&b=2", True),
    ("ForAnyValue:StringNotEquals", ["a"], "a=1", False),
    ("ForAllValues:StringNotEquals", ["a"], "b=1&c=2", True),
    ("ForAllValues:StringNotEquals", ["a"], "a=1&c=2", False),
    ("ForAnyValue:StringEqualsIfExists", ["a"], "", True),
    ("StringEquals", ["a"], "a=1&b=2", True),
    ("StringNotEquals", ["a"], "a=1&b=2", False),
]


@pytest.mark.parametrize(("operator", "wanted", "tagging", "holds"), SETS)
def test_a_key_with_several_values(
    operator: str, wanted: list[str], tagging: str, holds: bool
) -> None:
    condition = read_condition(operator, "s3:RequestObjectTagKeys", wanted, variables=True)
    assert condition.holds(request(headers={"x-amz-tagging": tagging})) is holds


# (key, value, what the request has, whether `StringEquals` holds)
TAGGING = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
RETENTION = (
    b"<Retention><Mode>GOVERNANCE</Mode>"
    b"<RetainUntilDate>2027-01-25T08:00:00Z</RetainUntilDate></Retention>"
)
HOLD = b"<LegalHold><Status>ON</Status></LegalHold>"
KEYS: list[tuple[str, str, dict[str, Any]]] = [
    ("aws:SourceIp", "10.0.0.1", {"client": "10.0.0.1"}),
    ("aws:SecureTransport", "true", {"is_secure": True}),
    ("aws:SecureTransport", "false", {}),
    ("aws:UserAgent", "curl", {"headers": {"user-agent": "curl"}}),
    ("aws:PrincipalArn", "arn:aws:iam::bob:root", {}),
    ("aws:PrincipalAccount", "bob", {}),
    ("aws:PrincipalType", "Account", {}),
    ("aws:PrincipalType", "Anonymous", {"caller": "nobody"}),
    ("aws:userid", "bob", {}),
    ("aws:userid", "anonymous", {"caller": "nobody"}),
    ("aws:ResourceAccount", "alice", {}),
    ("s3:ResourceAccount", "alice", {}),
    ("aws:CurrentTime", "2027-01-15T08:00:00Z", {}),
    ("aws:EpochTime", "1800000000", {}),
    ("aws:RequestedRegion", "eu", {"region": "eu"}),
    ("aws:SourceArn", "arn:aws:s3:::b", {"source_arn": "arn:aws:s3:::b"}),
    ("s3:prefix", "p/", {"query": {"prefix": "p/"}}),
    ("S3:PREFIX", "p/", {"query": {"prefix": "p/"}}),
    ("s3:delimiter", "/", {"query": {"delimiter": "/"}}),
    ("s3:max-keys", "7", {"query": {"max-keys": "7"}}),
    ("s3:VersionId", "v1", {"version": "v1"}),
    ("s3:x-amz-acl", "private", {"headers": {"x-amz-acl": "private"}}),
    ("s3:x-amz-grant-read", "id=x", {"headers": {"x-amz-grant-read": "id=x"}}),
    ("s3:x-amz-storage-class", "STANDARD", {"headers": {"x-amz-storage-class": "STANDARD"}}),
    ("s3:authType", "REST-HEADER", {"headers": {"authorization": "AWS4..."}}),
    ("s3:authType", "REST-QUERY-STRING", {"query": {"X-Amz-Signature": "x"}}),
    ("s3:authType", "POST", {"operation": "PostObject"}),
    ("s3:signatureversion", "AWS4-HMAC-SHA256", {}),
    ("s3:signatureversion", "AWS", {"query": {"Signature": "x"}}),
    ("s3:signatureAge", "60000", {"query": {"X-Amz-Date": "20270115T075900Z"}}),
    ("s3:RequestObjectTag/a", "1", {"headers": {"x-amz-tagging": "a=1&b=2"}}),
    (
        "s3:RequestObjectTag/a",
        "1",
        {"operation": "PutObjectTagging", "found_document": TAGGING},
    ),
    ("s3:ExistingObjectTag/a", "1", {"found_object": ObjectFacts(tags={"a": "1"})}),
    ("s3:object-lock-mode", "GOVERNANCE", {"headers": {"x-amz-object-lock-mode": "GOVERNANCE"}}),
    (
        "s3:object-lock-mode",
        "GOVERNANCE",
        {"operation": "PutObjectRetention", "found_document": RETENTION},
    ),
    (
        "s3:object-lock-remaining-retention-days",
        "10",
        {"operation": "PutObjectRetention", "found_document": RETENTION},
    ),
    (
        "s3:object-lock-legal-hold",
        "ON",
        {"operation": "PutObjectLegalHold", "found_document": HOLD},
    ),
]


@pytest.mark.parametrize(("key", "value", "facts"), KEYS)
def test_a_key_is_what_the_request_says(key: str, value: str, facts: dict[str, Any]) -> None:
    assert read_condition("StringEquals", key, value, variables=True).holds(request(**facts))
    assert read_condition("StringNotEquals", key, "other", variables=True).holds(request(**facts))


@pytest.mark.parametrize(
    "key",
    ["aws:SourceIp", "aws:Referer", "s3:prefix", "s3:VersionId", "s3:signatureAge", "s3:authType"],
)
def test_a_key_that_the_request_lacks_is_missing(key: str) -> None:
    assert read_condition("Null", key, "true", variables=True).holds(request())


def test_the_name_of_a_tag_has_case() -> None:
    condition = read_condition("StringEquals", "S3:existingobjecttag/A", "1", variables=True)
    assert condition.holds(request(found_object=ObjectFacts(tags={"A": "1"})))
    assert not condition.holds(request(found_object=ObjectFacts(tags={"a": "1"})))


@pytest.mark.parametrize(
    ("key", "fact", "facts"),
    [
        ("s3:ExistingObjectTag/a", Fact.OBJECT, {}),
        ("s3:RequestObjectTag/a", Fact.DOCUMENT, {"operation": "PutObjectTagging"}),
        ("s3:object-lock-mode", Fact.DOCUMENT, {"operation": "PutObjectRetention"}),
    ],
)
def test_a_fact_that_was_not_fetched_is_asked_for(
    key: str, fact: Fact, facts: dict[str, Any]
) -> None:
    with pytest.raises(FactRequired) as caught:
        read_condition("StringEquals", key, "x", variables=True).holds(request(**facts))
    assert caught.value.fact is fact


def test_what_a_variable_stands_for_has_no_wildcards() -> None:
    condition = read_condition("StringLike", "s3:prefix", "${aws:Referer}/*", variables=True)
    sent: Any = {"headers": {"referer": "*"}}
    assert condition.holds(request(query={"prefix": "*/x"}, **sent))
    assert not condition.holds(request(query={"prefix": "a/x"}, **sent))


def test_no_key_is_known_and_unknown() -> None:
    assert not ELSEWHERE & GETTERS.keys()
