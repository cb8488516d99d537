"""Policies of forms: what they allow, by properties."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.auth.post_policy import Equals, LengthRange, StartsWith, check_fields, parse_policy
from s3gw.wire.errors import Code, S3Error
from tests.s3.forms import FOREVER

TEXTS = st.text(max_size=12)
NAMES = st.text("abcdefgxyz-", min_size=1, max_size=8).map("f{}".format)
FIELDS = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=5)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def policy_of(conditions: Any, **changes: Any) -> Any:
    document = {"expiration": FOREVER, "conditions": conditions, **changes}
    return parse_policy(encoded(json.dumps(document)))


def allows(conditions: Any, fields: dict[str, str]) -> bool:
    policy = policy_of(conditions)
    try:
        check_fields(policy, fields)
    except S3Error as error:
        if error.code is not Code.AccessDenied:
            raise
        return False
    return True


def is_invalid(text: str) -> bool:
    with pytest.raises(S3Error) as raised:
        parse_policy(text)
    return raised.value.code is Code.InvalidPolicyDocument


@contextmanager
def suppress_invalid() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code is not Code.InvalidPolicyDocument:
            raise


def exactly(name: str, value: str, *, as_object: bool) -> Any:
    return {name: value} if as_object else ["eq", f"${name}", value]


@given(FIELDS, st.booleans())
def test_a_form_is_allowed_by_a_policy_of_its_own_fields(
    fields: dict[str, str], as_object: bool
) -> None:
    conditions = [exactly(n.upper(), v, as_object=as_object) for n, v in fields.items()]
    assert allows(conditions, fields)


@given(FIELDS, st.data())
def test_every_field_needs_a_condition_and_every_condition_its_field(
    fields: dict[str, str], data: st.DataObject
) -> None:
    conditions = [["starts-with", f"${name}", ""] for name in fields]
    assert allows(conditions, fields)
    name = data.draw(st.sampled_from(sorted(fields)))
    others = {other: value for other, value in fields.items() if other != name}
    assert not allows([["starts-with", f"${other}", ""] for other in others], fields)
    assert not allows(conditions, others)


@given(FIELDS, st.data())
def test_another_value_than_the_policys_is_denied(
    fields: dict[str, str], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(fields)))
    other = data.draw(TEXTS.filter(lambda text: text != fields[name]))
    conditions = [{field: value} for field, value in fields.items()]
    assert not allows(conditions, {**fields, name: other})


@given(NAMES, TEXTS, TEXTS)
def test_a_field_begins_with_its_prefixes(name: str, prefix: str, rest: str) -> None:
    assert allows([["starts-with", f"${name}", prefix]], {name: prefix + rest})
    assert allows([["starts-with", f"${name}", prefix + rest]], {name: prefix}) == (not rest)


def test_all_conditions_on_a_field_must_hold() -> None:
    conditions = [["starts-with", "$key", "a"], ["starts-with", "$key", "ab"]]
    assert allows(conditions, {"key": "abc"})
    assert not allows(conditions, {"key": "a"})


def test_each_of_several_content_types_must_begin_so() -> None:
    conditions = [["starts-with", "$Content-Type", "image/"]]
    assert allows(conditions, {"content-type": "image/png, image/gif"})
    assert not allows(conditions, {"content-type": "image/png,text/html"})
    assert not allows([["eq", "$Content-Type", "image/png"]], {"content-type": "image/png,a"})


def test_what_signs_and_what_is_ignored_needs_no_condition() -> None:
    free = ["awsaccesskeyid", "signature", "policy", "x-amz-signature", "x-ignore-a"]
    assert allows([], dict.fromkeys(free, "x"))
    for name in ("x-amz-date", "x-amz-credential", "x-amz-algorithm", "bucket", "key", "x-amz-acl"):
        assert not allows([], {name: "x"})


def test_conditions_are_read_as_they_are_written() -> None:
    policy = policy_of([{"A": "b"}, ["EQ", "$C", "d"], ["Starts-With", "$e", "$f"]])
    assert policy.conditions == (Equals("a", "b"), Equals("c", "d"), StartsWith("e", "$f"))
    policy = policy_of([["Content-Length-Range", 0, "9"]])
    assert policy.length_ranges == (LengthRange(0, 9),)


def test_aws_escapes_are_read() -> None:
    text = r'{"expiration": "2099-01-01T00:00:00Z", "conditions": [{"a": "\$b\v\\$\u00fc\""}]}'
    assert parse_policy(encoded(text)).conditions == (Equals("a", '$b\x0b\\$ü"'),)


@pytest.mark.parametrize(
    ("expiration", "epoch_s"),
    [
        ("1970-01-01T00:00:10Z", 10),
        ("1970-01-01T00:00:10.500Z", 10.5),
        ("2000-02-29T00:00:00.0Z", 951782400),
    ],
)
def test_a_policy_expires(expiration: str, epoch_s: float) -> None:
    policy = policy_of([], expiration=expiration)
    assert policy.has_expired(epoch_s)
    assert not policy.has_expired(epoch_s - 1)


DATES = ["2099-01-01", "2099-01-01 00:00:00Z", "2099-01-01T00:00:00", "2099-13-01T00:00:00Z"]
DATES += ["2099-01-01T00:00:00+00:00", "0000-01-01T00:00:00Z", "२०९९-01-01T00:00:00Z"]


@pytest.mark.parametrize("expiration", [*DATES, "", "x", 1, None])
def test_other_dates_are_invalid(expiration: object) -> None:
    document = {"expiration": expiration, "conditions": []}
    assert is_invalid(encoded(json.dumps(document)))


@pytest.mark.parametrize(
    "condition",
    [{}, {"a": "b", "c": "d"}, {"a": 1}, {"a": None}, [], ["eq"], ["eq", "$a"]]
    + [["eq", "$a", 1], ["ends-with", "$a", "b"], ["eq", "$a", "b", "c"], [["eq"], "$a", "b"], "x"]
    + [["content-length-range", *sizes] for sizes in ([0], [-1, 0], [1, 0], [True, 1])]
    + [["content-length-range", *sizes] for sizes in ([0, 1.5], [0, 1, 2])],
)
def test_other_conditions_are_invalid(condition: object) -> None:
    document = {"expiration": FOREVER, "conditions": [condition]}
    assert is_invalid(encoded(json.dumps(document)))


SOON = '"expiration": "2099-01-01T00:00:00Z"'
DOCUMENTS = ["", "{", "null", "NaN", "[]", "{}", "[" * 15_000, '{"conditions": []}', f"{{{SOON}}}"]
DOCUMENTS += [f'{{{SOON.upper()}, "conditions": []}}', f'{{{SOON}, "CONDITIONS": []}}']
DOCUMENTS += [f'{{{SOON}, "conditions": {{}}}}', f'{{{SOON}, "conditions": [{"9" * 9000}]}}']
DOCUMENTS += [f'{{{SOON}, "conditions": [{{"a": "b", "a": "b"}}]}}']


@pytest.mark.parametrize("text", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_other_documents_are_invalid(text: str) -> None:
    assert is_invalid(encoded(text))


@given(TEXTS | st.binary(max_size=30).map(lambda raw: base64.b64encode(raw).decode()))
def test_no_text_is_a_policy_by_chance(text: str) -> None:
    assert is_invalid(text)


@given(st.lists(JSON, max_size=3), JSON)
def test_any_json_is_a_policy_or_invalid(conditions: list[Any], expiration: Any) -> None:
    for expires in (FOREVER, expiration):
        text = encoded(json.dumps({"expiration": expires, "conditions": conditions}))
        with suppress_invalid():
            parse_policy(text)


@pytest.mark.parametrize(
    "condition",
    [
        ["eq", "key", "k"],
        ["starts-with", "key", ""],
        ["content-length-range", "test", "10"],
        ["content-length-range", "²", 9],
    ],
)
def test_some_conditions_no_form_meets(condition: list[Any]) -> None:
    """AWS does not call them invalid."""
    policy = policy_of([condition, {"key": "k"}])
    with pytest.raises(S3Error) as error:
        check_fields(policy, {"key": "k", "bucket": "b"})
    shown = json.dumps(condition, ensure_ascii=False)
    assert error.value.message == f"Invalid according to Policy: Policy Condition failed: {shown}"
