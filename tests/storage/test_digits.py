"""Numbers of any length, against Python's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.digits import LARGEST, read_digits


@given(st.integers(0, 10**40), st.integers(0, 30), st.sampled_from([LARGEST, 0x7FFFFFFF, 7]))
def test_digits_are_a_number(number: int, zeros: int, most: int) -> None:
    assert read_digits("0" * zeros + str(number), most) == min(number, most)


def test_no_count_of_digits_is_too_many() -> None:
    assert read_digits("9" * 10_000) == LARGEST
    assert read_digits("0" * 10_000 + "7") == 7


@pytest.mark.parametrize("text", ["", "-1", "+1", "1_0", " 1", "1.0", "0x1", "٣", "1" * 30 + "x"])
def test_other_text_is_not_a_number(text: str) -> None:
    assert read_digits(text) is None
