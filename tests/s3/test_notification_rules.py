"""Which rules want an event, and which overlap: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.events.events import EventName, ObjectEvent
from s3gw.events.rules import ALLOWED, Kind, Rule, target_of

texts = st.text("ab/", max_size=3)
rules = st.builds(
    lambda events, prefix, suffix: Rule(
        "id", Kind.QUEUE, "arn", "hook", tuple(events), (("Prefix", prefix), ("suffix", suffix))
    ),
    st.lists(st.sampled_from(sorted(ALLOWED)), min_size=1, max_size=3),
    texts,
    texts,
)


@given(rules, rules, st.sampled_from(EventName), st.text("ab/", max_size=6))
def test_rules_that_do_not_overlap_never_want_the_same_event(
    one: Rule, other: Rule, name: EventName, key: str
) -> None:
    event = ObjectEvent(name, key)
    if one.wants(event) and other.wants(event):
        assert one.overlaps(other)


@given(rules, rules)
def test_rules_that_overlap_both_want_some_event(one: Rule, other: Rule) -> None:
    assert one.overlaps(other) == other.overlaps(one)
    if one.overlaps(other):
        prefix = max(one.prefix, other.prefix, key=len)
        suffix = max(one.suffix, other.suffix, key=len)
        events = [ObjectEvent(name, prefix + suffix) for name in EventName]
        assert any(one.wants(event) and other.wants(event) for event in events)


@given(rules)
def test_a_rule_overlaps_itself(rule: Rule) -> None:
    assert rule.overlaps(rule)


@pytest.mark.parametrize(
    ("kind", "arn", "target"),
    [
        (Kind.TOPIC, "arn:aws:sns:us-east-1:123456789012:hook", "hook"),
        (Kind.QUEUE, "arn:aws-cn:sqs:cn-north-1:123456789012:hook_2", "hook_2"),
        (Kind.QUEUE, "arn:minio:sqs::hook:webhook", "hook"),
        (Kind.QUEUE, "arn:minio:sqs:us-east-1:hook:webhook", "hook"),
        (Kind.FUNCTION, "arn:aws:lambda:us-east-1:123456789012:function:hook:1", "hook"),
        (Kind.TOPIC, "arn:minio:sqs::hook:webhook", None),
        (Kind.QUEUE, "arn:minio:sqs::hook:kafka", None),
        (Kind.QUEUE, "arn:aws:sqs:us-east-1:123456789012:hook\n", None),
        (Kind.FUNCTION, "arn:aws:lambda:us-east-1:123456789012:layer:hook", None),
    ],
)
def test_an_arn_means_the_target_that_it_names(kind: Kind, arn: str, target: str | None) -> None:
    assert target_of(kind, arn) == target
