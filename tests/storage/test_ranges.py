"""Ranges against the slices of Python, and both sides of their borders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import RangeNotSatisfiable
from storage.ranges import Between, From, Last, resolve

CONTENT = bytes(range(40))
SIZES = st.integers(0, len(CONTENT))
PLACES = st.integers(0, len(CONTENT) + 2)


def taken(want: Between | From | Last | None, size: int) -> bytes | None:
    """The bytes that are resolved, None where there are none to be had."""
    try:
        span = resolve(want, size)
    except RangeNotSatisfiable:
        return None
    assert 0 <= span.start <= span.stop <= size
    assert len(span) == span.stop - span.start
    return CONTENT[span.start : span.stop]


@given(SIZES)
def test_no_range_is_all(size: int) -> None:
    assert taken(None, size) == CONTENT[:size]


@given(SIZES, PLACES)
def test_from_takes_the_rest(size: int, start: int) -> None:
    assert taken(From(start), size) == (CONTENT[:size][start:] or None)


@given(SIZES, PLACES, st.integers(1, 50))
def test_between_takes_what_is_there(size: int, start: int, length: int) -> None:
    stop = start + length
    assert taken(Between(start, stop), size) == (CONTENT[:size][start:stop] or None)


@given(SIZES, PLACES)
def test_last_takes_the_end(size: int, count: int) -> None:
    """Of an empty object these are none, which is no error: readers of footers ask for them."""
    end = CONTENT[max(0, size - count) : size]
    assert taken(Last(count), size) == (end if count else None)


@pytest.mark.parametrize(
    ("want", "size", "span"),
    [
        (None, 0, Between(0, 0)),
        (None, 7, Between(0, 7)),
        (From(0), 1, Between(0, 1)),
        (From(6), 7, Between(6, 7)),
        (Between(0, 7), 7, Between(0, 7)),
        (Between(0, 8), 7, Between(0, 7)),
        (Between(6, 2**63), 7, Between(6, 7)),
        (Last(7), 7, Between(0, 7)),
        (Last(8), 7, Between(0, 7)),
        (Last(1), 7, Between(6, 7)),
        (Last(1), 0, Between(0, 0)),
    ],
)
def test_a_range_that_can_be_had(
    want: Between | From | Last | None, size: int, span: Between
) -> None:
    assert resolve(want, size) == span


@pytest.mark.parametrize(
    ("want", "size"),
    [
        (From(0), 0),
        (From(7), 7),
        (From(8), 7),
        (Between(0, 1), 0),
        (Between(7, 8), 7),
        (Last(0), 7),
        (Last(0), 0),
    ],
)
def test_a_range_that_cannot_be_had_tells_the_size(want: Between | From | Last, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable) as failed:
        resolve(want, size)
    assert failed.value.size == size
