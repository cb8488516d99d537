"""Versions that come back from labels find their places among those of an old index."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from storage.index.histories import merge
from storage.index.rows import Empty, Row
from storage.values import NO_ATTRIBUTES, NULL_VERSION


class Version(NamedTuple):
    row: Row
    number: int


def versions(pairs: list[tuple[str, int]], first: int) -> list[Version]:
    rows = (Row(0, "", time, NO_ATTRIBUTES, Empty(), version=id) for id, time in pairs)
    return [Version(row, number) for number, row in enumerate(rows, first)]


ids = st.sampled_from([NULL_VERSION, "one", "two", "three", "four"])
times = st.integers(1, 5)
histories = st.lists(st.tuples(ids, times), max_size=5, unique_by=lambda pair: pair[0])
# Of labels many may be of the null version.
labels = st.lists(st.tuples(ids, times), max_size=6).map(
    lambda pairs: sorted(pairs, key=lambda pair: -pair[1])
)


@given(histories, labels)
def test_nothing_is_lost_and_nothing_there_twice(
    old: list[tuple[str, int]], restored: list[tuple[str, int]]
) -> None:
    before, back = versions(old, 0), versions(restored, 100)
    merged = merge(before, back)
    kept = [each.row.version for each in merged.versions]
    assert len(kept) == len(set(kept))
    assert set(kept) == {id for id, _ in [*old, *restored]}
    numbers = sorted(each.number for each in [*merged.versions, *merged.dropped])
    assert numbers == [each.number for each in [*before, *back]]
    assert merged.restored == len({id for id, _ in restored})


@given(histories, labels)
def test_what_was_there_keeps_its_order(
    old: list[tuple[str, int]], restored: list[tuple[str, int]]
) -> None:
    before, back = versions(old, 0), versions(restored, 100)
    stayed = [each.number for each in merge(before, back).versions if each.number < 100]
    assert stayed == sorted(stayed)


def test_what_came_back_stands_before_the_older() -> None:
    merged = merge(versions([("one", 3), ("two", 1)], 0), versions([("three", 2)], 100))
    assert [each.row.version for each in merged.versions] == ["one", "three", "two"]
    assert [each.number for each in merged.dropped] == []


def test_of_two_null_versions_the_newer_label_wins_over_both() -> None:
    old, labels = versions([(NULL_VERSION, 1)], 0), versions([(NULL_VERSION, 4), ("null", 2)], 100)
    merged = merge(old, labels)
    assert [each.number for each in merged.versions] == [100]
    assert sorted(each.number for each in merged.dropped) == [0, 101]
