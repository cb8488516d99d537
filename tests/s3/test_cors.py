"""Cross-origin requests: the configuration, preflights, and the headers of every other answer."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from s3gw.s3.cors import (
    MAX_HEADERS,
    METHODS,
    VARY,
    Ask,
    CORSConfiguration,
    CORSRule,
    allowing_headers,
    find_rule,
    requested_headers,
)
from tests.asgi import Answer
from tests.s3.gateway import Gateway, code_of, details, error_of

ORIGIN = "https://app.example.com"
RULE = {
    "ID": "first",
    "AllowedHeaders": ["x-amz-*", "Content-Type"],
    "AllowedMethods": ["GET", "PUT"],
    "AllowedOrigins": [ORIGIN, "https://*.example.org"],
    "ExposeHeaders": ["ETag", "x-amz-request-id"],
    "MaxAgeSeconds": 3000,
}


def put_rules(s3: Any, bucket: str, *rules: dict[str, Any]) -> None:
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": list(rules)})


@pytest.fixture
def shared(s3: Any, bucket: str) -> str:
    """A bucket that lets the origin in."""
    put_rules(s3, bucket, RULE)
    return bucket


def preflight(gateway: Gateway, target: str, **asked: str) -> Answer:
    names = {
        "origin": "origin",
        "method": "access-control-request-method",
        "headers": "access-control-request-headers",
    }
    headers = {names[name]: value for name, value in asked.items()}
    return gateway.send("OPTIONS", target, headers, account=None)


def cors_of(answer: Answer) -> dict[str, str]:
    wanted = {"vary"}
    return {
        name: value
        for name, value in answer.headers.items()
        if name.startswith("access-control-") or name in wanted
    }


# The configuration


def test_rules_are_kept_as_they_were_given_and_deleted(s3: Any, bucket: str) -> None:
    plain = {"AllowedMethods": ["HEAD", "POST", "DELETE"], "AllowedOrigins": ["*", ""]}
    put_rules(s3, bucket, RULE, plain)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [RULE, plain]
    s3.delete_bucket_cors(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration") as error:
        s3.get_bucket_cors(Bucket=bucket)
    assert details(error)["BucketName"] == bucket


REFUSED = [
    ({"AllowedMethods": ["PATCH"]}, "InvalidRequest"),
    ({"AllowedMethods": ["get"]}, "InvalidRequest"),
    ({"AllowedMethods": []}, "MalformedXML"),
    ({"AllowedOrigins": []}, "MalformedXML"),
    ({"AllowedOrigins": ["https://*.*.com"]}, "InvalidRequest"),
    ({"AllowedHeaders": ["*-*"]}, "InvalidRequest"),
    ({"ExposeHeaders": ["x-*"]}, "InvalidRequest"),
    ({"ExposeHeaders": ["x\r\ny: z"]}, "InvalidRequest"),
    ({"ExposeHeaders": ["ü"]}, "InvalidRequest"),
    ({"ID": "i" * 256}, "InvalidRequest"),
    ({"MaxAgeSeconds": -1}, "MalformedXML"),
    ({"MaxAgeSeconds": 1 << 31}, "MalformedXML"),
    ({"AllowedOrigins": ["o" * (64 << 10)]}, "MaxMessageLengthExceeded"),
]


@pytest.mark.parametrize(("change", "code"), REFUSED)
def test_a_rule_that_aws_refuses_leaves_the_old_ones(
    s3: Any, shared: str, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError, match=code):
        put_rules(s3, shared, RULE, RULE | change)
    assert s3.get_bucket_cors(Bucket=shared)["CORSRules"] == [RULE]


def test_a_hundred_rules_with_long_ids_are_taken_and_one_more_is_not(s3: Any, bucket: str) -> None:
    rule = {"ID": "i" * 255, "AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    put_rules(s3, bucket, *[rule] * 100)
    assert len(s3.get_bucket_cors(Bucket=bucket)["CORSRules"]) == 100
    with pytest.raises(ClientError, match="InvalidRequest"):
        put_rules(s3, bucket, *[rule] * 101)


# Preflights


def test_a_preflight_that_a_rule_allows_says_all_that_it_allows(
    gateway: Gateway, shared: str
) -> None:
    answer = preflight(
        gateway, f"/{shared}/k", origin=ORIGIN, method="PUT", headers="X-Amz-Date,content-type, "
    )
    assert (answer.status, answer.body) == (200, b"")
    assert cors_of(answer) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "x-amz-date, content-type",
        "access-control-expose-headers": "ETag, x-amz-request-id",
        "access-control-max-age": "3000",
        "vary": VARY,
    }


def test_a_preflight_of_a_rule_for_everybody_allows_no_credentials(
    gateway: Gateway, s3: Any, bucket: str
) -> None:
    put_rules(s3, bucket, {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]})
    for target in (f"/{bucket}", f"/{bucket}/k?X-Amz-Signature=none"):
        answer = preflight(gateway, target, origin=ORIGIN, method="GET")
        assert cors_of(answer) == {
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "GET",
            "vary": VARY,
        }


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"origin": "https://evil.example.com", "method": "GET"}, "OBJECT"),
        ({"origin": ORIGIN, "method": "DELETE"}, "OBJECT"),
        ({"origin": ORIGIN, "method": "PUT", "headers": "authorization"}, "OBJECT"),
        ({"origin": ORIGIN.upper(), "method": "GET"}, "OBJECT"),
        ({"origin": "https://.example.org.evil", "method": "GET"}, "BUCKET"),
    ],
)
def test_a_preflight_that_no_rule_allows_is_forbidden(
    gateway: Gateway, shared: str, asked: dict[str, str], kind: str
) -> None:
    target = f"/{shared}/k" if kind == "OBJECT" else f"/{shared}"
    answer = preflight(gateway, target, **asked)
    assert code_of(answer) == (403, "AccessForbidden")
    error = error_of(answer)
    assert error["Message"].startswith("CORSResponse: This CORS request is not allowed.")
    assert (error["Method"], error["ResourceType"]) == (asked["method"], kind)
    assert cors_of(answer) == {}


def test_a_preflight_must_say_origin_and_method(gateway: Gateway, shared: str) -> None:
    for asked in ({}, {"method": "GET"}, {"origin": ORIGIN}, {"origin": ORIGIN, "method": "PATCH"}):
        answer = preflight(gateway, f"/{shared}/k", **asked)
        assert code_of(answer) == (400, "BadRequest")


def test_a_preflight_where_there_are_no_rules_is_forbidden(gateway: Gateway, bucket: str) -> None:
    asked = {"origin": ORIGIN, "method": "PUT"}
    unset = preflight(gateway, f"/{bucket}/k", **asked)
    assert code_of(unset) == (403, "AccessForbidden")
    assert error_of(unset)["Message"] == "CORSResponse: CORS is not enabled for this bucket."
    for target in ("/no-such-bucket/k", "/"):
        missing = preflight(gateway, target, **asked)
        assert code_of(missing) == (403, "AccessForbidden")
        assert error_of(missing)["Message"] == "CORSResponse: Bucket not found"


# Every other answer


ALLOWED = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, PUT",
    "access-control-expose-headers": "ETag, x-amz-request-id",
    "access-control-max-age": "3000",
    "vary": VARY,
}


@pytest.mark.parametrize(
    ("method", "target", "more", "status"),
    [
        ("GET", "/B/k", {}, 200),
        ("GET", "/B/k", {"range": "bytes=0-1"}, 206),
        ("GET", "/B/k", {"if-none-match": "*"}, 304),
        ("GET", "/B", {}, 200),
        ("PUT", "/B/other", {}, 200),
        ("GET", "/B/nope", {}, 404),
        ("GET", "/B?acl&cors", {}, 501),
        ("PUT", "/B/k", {"x-amz-content-sha256": "nonsense"}, 400),
        ("GET", "/B/k", {"authorization": "Bearer x"}, 400),
    ],
)
def test_every_answer_of_the_bucket_says_it_also_errors(
    gateway: Gateway, shared: str, method: str, target: str, more: dict[str, str], status: int
) -> None:
    gateway.send("PUT", f"/{shared}/k", body=b"bytes")
    signs = not {"authorization", "x-amz-content-sha256"} & more.keys()
    target, headers = target.replace("B", shared, 1), {"origin": ORIGIN, **more}
    if signs:
        answer = gateway.send(method, target, headers)
    else:
        answer = gateway.send(method, target, headers, account=None)
    assert answer.status == status
    assert cors_of(answer) == ALLOWED


def test_errors_of_authentication_and_access_say_it_too(gateway: Gateway, shared: str) -> None:
    for headers in ({}, {"authorization": "AWS4-HMAC-SHA256 nonsense"}):
        answer = gateway.send("GET", f"/{shared}/k", {"origin": ORIGIN, **headers}, account=None)
        assert answer.status in (400, 403)
        assert cors_of(answer) == ALLOWED
    stranger = gateway.send(
        "GET", f"/{shared}/k?X-Amz-Algorithm=x", {"origin": ORIGIN}, account=None
    )
    assert stranger.status == 400
    assert cors_of(stranger) == ALLOWED


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example.com"},
        {"referer": ORIGIN},
        {"origin": ORIGIN, "access-control-request-method": "DELETE"},
        {"origin": ORIGIN, "access-control-request-headers": "authorization"},
    ],
)
def test_an_answer_to_others_says_nothing_and_is_the_same(
    gateway: Gateway, shared: str, headers: dict[str, str]
) -> None:
    gateway.send("PUT", f"/{shared}/k", body=b"bytes")
    answer = gateway.send("GET", f"/{shared}/k", headers)
    assert (answer.status, answer.body) == (200, b"bytes")
    assert cors_of(answer) == {}


def test_an_origin_means_nothing_where_no_bucket_has_rules(gateway: Gateway, bucket: str) -> None:
    for target in ("/", f"/{bucket}", "/no-such-bucket/k", f"/{bucket}/%ff"):
        assert cors_of(gateway.send("GET", target, {"origin": ORIGIN})) == {}


def test_the_rules_of_a_bucket_are_its_own(gateway: Gateway, shared: str, bobs: Any) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        bobs.get_bucket_cors(Bucket=shared)
    with pytest.raises(ClientError, match="AccessDenied"):
        bobs.delete_bucket_cors(Bucket=shared)


# The matching itself

TEXT = st.text("ab.:/", max_size=6)
HEADER = st.text("ab-", min_size=1, max_size=4)


def configuration(*rules: CORSRule) -> CORSConfiguration:
    return CORSConfiguration(rules)


def for_origin(pattern: str) -> CORSConfiguration:
    return configuration(CORSRule(allowed_methods=("GET",), allowed_origins=(pattern,)))


@given(TEXT, TEXT, TEXT)
def test_a_wildcard_stands_for_any_text(start: str, middle: str, end: str) -> None:
    ask = Ask(start + middle + end, "GET")
    assert find_rule(for_origin(f"{start}*{end}"), ask)


@given(TEXT, TEXT, TEXT)
def test_a_wildcard_matches_as_shell_patterns_do(start: str, end: str, origin: str) -> None:
    splits = any(
        origin[:at] == start and origin[at:].endswith(end) for at in range(len(origin) + 1)
    )
    found = find_rule(for_origin(f"{start}*{end}"), Ask(origin, "GET"))
    assert (found is not None) == splits


@given(TEXT, TEXT)
def test_without_a_wildcard_an_origin_is_itself_only(pattern: str, origin: str) -> None:
    found = find_rule(for_origin(pattern), Ask(origin, "GET"))
    assert (found is not None) == (pattern == origin)


@given(st.lists(HEADER, max_size=3), st.sampled_from(METHODS))
def test_headers_are_asked_for_without_regard_to_case(names: list[str], method: str) -> None:
    rule = CORSRule(
        allowed_headers=tuple(name.upper() for name in names),
        allowed_methods=(method,),
        allowed_origins=("*",),
    )
    asked = requested_headers(" , ".join(names))
    ask = Ask("o", method, asked)
    assert find_rule(configuration(rule), ask) == rule
    assert find_rule(configuration(rule), Ask("o", method, (*asked, "other"))) is None


@given(st.lists(st.sampled_from(METHODS), min_size=1, max_size=5), st.sampled_from(METHODS))
def test_the_first_rule_that_matches_decides(allowed: list[str], method: str) -> None:
    rules = [
        CORSRule(id=str(n), allowed_methods=(each,), allowed_origins=("*",))
        for n, each in enumerate(allowed)
    ]
    found = find_rule(configuration(*rules), Ask("o", method))
    if method in allowed:
        assert found is not None
        assert found.id == str(allowed.index(method))
        assert allowing_headers(found, Ask("o", method))["Access-Control-Allow-Methods"] == method
    else:
        assert found is None


wildcards = st.text("ab*", max_size=4).filter(lambda text: text.count("*") <= 1)


@given(st.lists(wildcards, max_size=5), st.lists(st.text("ab", max_size=4), max_size=3))
def test_headers_match_as_shell_patterns_do(patterns: list[str], names: list[str]) -> None:
    rule = CORSRule(
        allowed_headers=tuple(patterns), allowed_methods=("GET",), allowed_origins=("*",)
    )
    found = find_rule(CORSConfiguration((rule,)), Ask("o", "GET", tuple(names)))
    expected = all(any(fnmatchcase(name, each) for each in patterns) for name in names)
    assert (found is rule) is expected


def test_no_page_sends_so_many_headers() -> None:
    rule = CORSRule(allowed_headers=("*",), allowed_methods=("GET",), allowed_origins=("*",))
    names = requested_headers(",".join(f"h{at}" for at in range(MAX_HEADERS + 1)))
    assert find_rule(CORSConfiguration((rule,)), Ask("o", "GET", names)) is None
    assert find_rule(CORSConfiguration((rule,)), Ask("o", "GET", names[1:])) is rule
    assert requested_headers("A, a,,b ") == ("a", "b")
