"""What lifecycle rules mean, by example and against a plain reading of their sentences."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cluster.lifecycle.due import Due, object_prefixes, upload_prefixes
from cluster.lifecycle.rules import (
    Calendar,
    Expiration,
    Filter,
    LifecycleConfiguration,
    NoncurrentExpiration,
    Rule,
    Scope,
    Tag,
    abortion,
    expiry,
    scope_of,
)
from storage.settings import setting, with_setting
from storage.values import Attributes, BucketInfo, ObjectInfo, UploadInfo

NS = 1_000_000_000
DAY_NS = 86_400 * NS
SHORT = Calendar(day_s=10)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


def info(
    name: str, modified_ns: int = 0, size: int = 1, tags: dict[str, str] | None = None
) -> ObjectInfo:
    return ObjectInfo(name, size, "etag", modified_ns, Attributes(tags=tags or {}))


def configuration(*rules: Rule) -> LifecycleConfiguration:
    return LifecycleConfiguration(rules)


def days(count: int, id: str = "rule", **more: object) -> Rule:
    rule = Rule(id, expiration=Expiration(days=count), filter=Filter())
    return msgspec.structs.replace(rule, **more)


texts = st.text(st.sampled_from("ab/"), max_size=4)
tags = st.lists(
    st.builds(Tag, st.sampled_from("xyz"), st.sampled_from("12")),
    max_size=2,
    unique_by=lambda tag: tag.key,
).map(tuple)
sizes = st.none() | st.integers(0, 9)
plain = st.builds(
    Filter,
    prefix=st.none() | texts,
    tags=tags,
    size_greater_than=sizes,
    size_less_than=sizes,
)
filters = st.builds(
    lambda one, other: msgspec.structs.replace(one, also=other), plain, st.none() | plain
)
objects = st.builds(
    info,
    texts,
    st.integers(0, 20 * DAY_NS),
    st.integers(0, 10),
    st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12")),
)
expirations = st.one_of(
    st.builds(Expiration, days=st.integers(1, 9)),
    st.builds(Expiration, date_s=st.integers(0, 20).map(lambda day: day * 86_400)),
)
rules = st.builds(
    Rule,
    id=st.sampled_from("pqr"),
    enabled=st.booleans(),
    filter=st.none() | filters,
    expiration=st.none() | expirations,
    noncurrent=st.none()
    | st.builds(NoncurrentExpiration, st.integers(1, 9), st.none() | st.integers(1, 3)),
    abort_days=st.none() | st.integers(1, 9),
)
configurations = st.lists(rules, max_size=4).map(lambda made: configuration(*made))
calendars = st.sampled_from([Calendar(), SHORT, Calendar(day_s=3600)])


def meets(condition: Filter | None, it: ObjectInfo) -> bool:
    """The model: one condition after the other."""
    if condition is None:
        return True
    return (
        it.name.startswith(condition.prefix or "")
        and all(it.attributes.tags.get(tag.key) == tag.value for tag in condition.tags)
        and (condition.size_greater_than is None or it.size > condition.size_greater_than)
        and (condition.size_less_than is None or it.size < condition.size_less_than)
        and meets(condition.also, it)
    )


@given(filters, objects)
def test_a_rule_is_for_what_meets_every_condition_of_its_filter(
    condition: Filter, it: ObjectInfo
) -> None:
    scope = scope_of(Rule("rule", filter=condition))
    assert (scope is not None and scope.covers(it)) == meets(condition, it)


@given(texts, objects)
def test_the_prefix_of_old_is_a_filter(prefix: str, it: ObjectInfo) -> None:
    scope = scope_of(Rule("rule", prefix=prefix))
    assert scope is not None
    assert scope.covers(it) == it.name.startswith(prefix)


def test_sizes_are_exclusive() -> None:
    scope = Scope(larger_than=10, smaller_than=13)
    assert [size for size in range(9, 15) if scope.covers(info("k", size=size))] == [11, 12]


@pytest.mark.parametrize(
    ("modified", "count", "due"),
    [
        # AWS' own example.
        ("2014-01-15 10:30", 3, "2014-01-19 00:00"),
        ("2014-01-15 00:00", 1, "2014-01-16 00:00"),
        ("2014-01-15 23:59", 1, "2014-01-17 00:00"),
    ],
)
def test_days_end_at_the_next_midnight(modified: str, count: int, due: str) -> None:
    event = expiry(configuration(days(count)), info("k", at(modified)))
    assert event is not None
    assert event.at_ns == at(due)


def test_a_short_day_ends_when_it_is_over() -> None:
    event = expiry(configuration(days(3)), info("k", 7), SHORT)
    assert event is not None
    assert event.at_ns == 7 + 30 * NS


@given(calendars, st.integers(0, 99 * DAY_NS), st.integers(0, 99 * DAY_NS), st.integers(1, 50))
def test_something_is_due_exactly_when_its_time_has_come(
    calendar: Calendar, since_ns: int, now_ns: int, count: int
) -> None:
    due = calendar.due_ns(since_ns, count) <= now_ns
    assert due == (since_ns <= calendar.latest_ns(now_ns, count))


@given(configurations, objects, st.integers(0, 30 * DAY_NS), calendars)
def test_the_worker_removes_what_the_header_announces_and_when(
    config: LifecycleConfiguration, it: ObjectInfo, now_ns: int, calendar: Calendar
) -> None:
    event = expiry(config, it, calendar)
    due = event is not None and event.at_ns <= now_ns
    assert Due(config, now_ns, calendar).expired(it) == due


@given(configurations, objects, st.integers(0, 30 * DAY_NS), calendars)
def test_the_same_holds_of_uploads(
    config: LifecycleConfiguration, it: ObjectInfo, now_ns: int, calendar: Calendar
) -> None:
    upload = UploadInfo("id", it.name, it.modified_ns, "owner", Attributes())
    event = abortion(config, it.name, it.modified_ns, calendar)
    due = event is not None and event.at_ns <= now_ns
    assert Due(config, now_ns, calendar).upload_expired(upload) == due


@given(configurations, objects, st.integers(0, 30 * DAY_NS), st.integers(0, 4))
def test_only_names_under_the_prefixes_can_be_due(
    config: LifecycleConfiguration, it: ObjectInfo, now_ns: int, newer: int
) -> None:
    def answers(due: Due) -> tuple[bool, ...]:
        upload = UploadInfo("id", it.name, it.modified_ns, "owner", Attributes())
        return (
            due.expired(it),
            due.marker_expired(it),
            due.noncurrent_expired(it, it.modified_ns, newer),
            due.upload_expired(upload),
        )

    whole = answers(Due(config, now_ns, SHORT))
    for prefixes, mask in ((object_prefixes(config), 3), (upload_prefixes(config), 1)):
        asked = whole[:3] if mask == 3 else whole[3:]
        under = [prefix for prefix in prefixes if it.name.startswith(prefix)]
        assert len(under) <= 1
        if under:
            some = answers(Due(config, now_ns, SHORT, below=under[0]))
            assert (some[:3] if mask == 3 else some[3:]) == asked
        else:
            assert not any(asked)


def test_a_version_goes_when_it_is_old_enough_and_enough_are_newer() -> None:
    config = configuration(Rule("r", filter=Filter(), noncurrent=NoncurrentExpiration(2, 3)))
    due = Due(config, 100 * NS, SHORT)
    version = info("k", modified_ns=100 * NS)
    assert due.noncurrent_expired(version, 80 * NS, 3)
    assert not due.noncurrent_expired(version, 80 * NS + 1, 3)
    assert not due.noncurrent_expired(version, 80 * NS, 2)


def test_a_delete_marker_goes_by_its_own_rule_or_when_it_is_as_old_as_objects_may_be() -> None:
    own = configuration(Rule("r", filter=Filter(), expiration=Expiration(delete_marker=True)))
    never = configuration(Rule("r", filter=Filter(), expiration=Expiration(delete_marker=False)))
    aged = configuration(days(2))
    fresh, old = info("k", 100 * NS), info("k", 80 * NS)

    def gone(config: LifecycleConfiguration) -> list[bool]:
        due = Due(config, 100 * NS, SHORT)
        return [due.marker_expired(marker) for marker in (fresh, old)]

    assert (gone(own), gone(aged), gone(never)) == ([True, True], [False, True], [False, False])
    assert not Due(own, 100 * NS, SHORT).expired(old)
    assert expiry(own, old) is None


def test_the_shortest_time_counts_and_of_the_same_the_first_rule() -> None:
    config = configuration(
        days(7, "long"), days(3, "first"), days(3, "second"), days(1, "off", enabled=False)
    )
    event = expiry(config, info("k"))
    assert event is not None
    assert event.rule_id == "first"


def test_a_marker_does_not_expire_as_an_object_does() -> None:
    marker = msgspec.structs.replace(info("k"), delete_marker=True)
    assert expiry(configuration(days(1)), marker) is None


def test_a_document_is_read_as_it_was_kept() -> None:
    config = configuration(
        days(1, filter=Filter(also=Filter("a/", (Tag("k", "v"),), 1, 2))),
        Rule("r", enabled=False, prefix="p", noncurrent=NoncurrentExpiration(1), abort_days=2),
    )
    bucket = with_setting(BucketInfo("bucket", "owner", 0), config)
    assert setting(bucket, LifecycleConfiguration) == config
    assert replace(SHORT, day_s=86_400) == Calendar()
