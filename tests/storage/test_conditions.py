"""Preconditions: AWS' table of precedence, and properties over all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.conditions import check_read, check_write
from storage.errors import NotModified, ObjectNotFound, PreconditionFailed, StorageError
from storage.values import ALWAYS, Attributes, Condition, ObjectInfo

MODIFIED_S = 1_700_000_000
INFO = ObjectInfo("a", 1, "etag", MODIFIED_S * 1_000_000_000 + 999_999_999, Attributes())
HIT, MISS, ANY = ("etag",), ("other",), ("*",)
BEFORE, AT, LATER = MODIFIED_S - 1, MODIFIED_S, MODIFIED_S + 1

ETAGS = st.lists(st.sampled_from(["etag", "other", "*", "third"]), max_size=2).map(tuple)
TIMES = st.none() | st.sampled_from([BEFORE, AT, LATER])
CONDITIONS = st.builds(
    Condition,
    if_match=ETAGS,
    if_none_match=ETAGS,
    if_modified_since=TIMES,
    if_unmodified_since=TIMES,
)


def outcome(check: Callable[[], None]) -> type[StorageError] | None:
    try:
        check()
    except StorageError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (ALWAYS, None),
        (Condition(), None),
        (Condition(if_match=HIT), None),
        (Condition(if_match=ANY), None),
        (Condition(if_match=MISS), PreconditionFailed),
        (Condition(if_match=(*MISS, *HIT)), None),
        (Condition(if_none_match=HIT), NotModified),
        (Condition(if_none_match=ANY), NotModified),
        (Condition(if_none_match=MISS), None),
        (Condition(if_none_match=(*MISS, *HIT)), NotModified),
        (Condition(if_modified_since=BEFORE), None),
        (Condition(if_modified_since=AT), NotModified),
        (Condition(if_modified_since=LATER), NotModified),
        (Condition(if_unmodified_since=BEFORE), PreconditionFailed),
        (Condition(if_unmodified_since=AT), None),
        (Condition(if_unmodified_since=LATER), None),
        (Condition(if_match=HIT, if_unmodified_since=BEFORE), None),
        (Condition(if_match=MISS, if_unmodified_since=LATER), PreconditionFailed),
        (Condition(if_none_match=MISS, if_modified_since=LATER), None),
        (Condition(if_none_match=HIT, if_modified_since=BEFORE), NotModified),
        (Condition(if_match=MISS, if_none_match=HIT), PreconditionFailed),
        (Condition(if_match=HIT, if_none_match=HIT), NotModified),
        (Condition(if_unmodified_since=BEFORE, if_modified_since=LATER), PreconditionFailed),
        (Condition(if_match=HIT, if_modified_since=LATER), NotModified),
    ],
)
def test_a_reader_gets_what_its_conditions_ask_for(
    condition: Condition, expected: type[StorageError] | None
) -> None:
    assert outcome(lambda: check_read(condition, INFO)) is expected


@pytest.mark.parametrize(
    ("condition", "on_object", "on_nothing"),
    [
        (ALWAYS, None, None),
        (Condition(), None, None),
        (Condition(if_match=HIT), None, ObjectNotFound),
        (Condition(if_match=ANY), None, ObjectNotFound),
        (Condition(if_match=MISS), PreconditionFailed, ObjectNotFound),
        (Condition(if_none_match=ANY), PreconditionFailed, None),
        (Condition(if_none_match=HIT), PreconditionFailed, None),
        (Condition(if_none_match=MISS), None, None),
        (Condition(if_match=HIT, if_none_match=ANY), PreconditionFailed, ObjectNotFound),
        (Condition(if_match=HIT, if_none_match=MISS), None, ObjectNotFound),
    ],
)
def test_a_writer_writes_when_its_conditions_hold(
    condition: Condition,
    on_object: type[StorageError] | None,
    on_nothing: type[StorageError] | None,
) -> None:
    assert outcome(lambda: check_write(condition, "a", INFO)) is on_object
    assert outcome(lambda: check_write(condition, "a", None)) is on_nothing


@pytest.mark.parametrize(
    ("condition", "name"),
    [
        (Condition(if_match=MISS), "If-Match"),
        (Condition(if_unmodified_since=BEFORE), "If-Unmodified-Since"),
    ],
)
def test_a_failed_read_names_its_condition(condition: Condition, name: str) -> None:
    with pytest.raises(PreconditionFailed) as failed:
        check_read(condition, INFO)
    assert failed.value.condition == name


@pytest.mark.parametrize(
    ("condition", "name"),
    [(Condition(if_match=MISS), "If-Match"), (Condition(if_none_match=ANY), "If-None-Match")],
)
def test_a_failed_write_names_its_condition(condition: Condition, name: str) -> None:
    with pytest.raises(PreconditionFailed) as failed:
        check_write(condition, "a", INFO)
    assert failed.value.condition == name


def test_not_modified_carries_the_validators() -> None:
    with pytest.raises(NotModified) as spared:
        check_read(Condition(if_none_match=HIT), INFO)
    assert (spared.value.etag, spared.value.modified_ns) == (INFO.etag, INFO.modified_ns)


@given(CONDITIONS, TIMES)
def test_if_match_makes_if_unmodified_since_mean_nothing(
    condition: Condition, time: int | None
) -> None:
    etags = condition.if_match or HIT
    one = Condition(etags, condition.if_none_match, condition.if_modified_since, None)
    two = Condition(etags, condition.if_none_match, condition.if_modified_since, time)
    assert outcome(lambda: check_read(one, INFO)) is outcome(lambda: check_read(two, INFO))


@given(CONDITIONS, TIMES)
def test_if_none_match_makes_if_modified_since_mean_nothing(
    condition: Condition, time: int | None
) -> None:
    etags = condition.if_none_match or HIT
    one = Condition(condition.if_match, etags, None, condition.if_unmodified_since)
    two = Condition(condition.if_match, etags, time, condition.if_unmodified_since)
    assert outcome(lambda: check_read(one, INFO)) is outcome(lambda: check_read(two, INFO))


@given(CONDITIONS)
def test_a_failed_precondition_decides_over_not_modified(condition: Condition) -> None:
    first = Condition(condition.if_match, (), None, condition.if_unmodified_since)
    if outcome(lambda: check_read(first, INFO)) is not None:
        assert outcome(lambda: check_read(condition, INFO)) is PreconditionFailed
    else:
        assert outcome(lambda: check_read(condition, INFO)) in (None, NotModified)


@given(CONDITIONS)
def test_times_mean_nothing_to_who_replaces_nothing(condition: Condition) -> None:
    etags_only = Condition(condition.if_match, condition.if_none_match)
    assert _written(condition, None) is _written(etags_only, None)


@given(CONDITIONS)
def test_a_writer_may_only_narrow_by_times(condition: Condition) -> None:
    etags_only = Condition(condition.if_match, condition.if_none_match)
    if refused := _written(etags_only, INFO):
        assert _written(condition, INFO) is refused
    else:
        assert _written(condition, INFO) in (None, PreconditionFailed)


def test_a_writer_refuses_to_replace_what_changed_meanwhile() -> None:
    seconds = INFO.modified_ns // 1_000_000_000
    assert _written(Condition(if_unmodified_since=seconds - 1), INFO) is PreconditionFailed
    assert _written(Condition(if_unmodified_since=seconds), INFO) is None
    assert _written(Condition(if_modified_since=seconds), INFO) is PreconditionFailed
    assert _written(Condition(if_modified_since=seconds - 1), INFO) is None


def _written(condition: Condition, current: ObjectInfo | None) -> type[StorageError] | None:
    return outcome(lambda: check_write(condition, "a", current))
