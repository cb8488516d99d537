"""Templates of object names."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.jobs.template import MAX_NAMES, BadTemplate, Template, read_template


def names(text: str) -> list[str]:
    template = read_template(text)
    assert template is not None
    return list(template)


def test_a_text_without_braces_is_a_prefix() -> None:
    assert read_template("logs/2026") is None
    assert read_template("") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p{0..3}s", ["p0s", "p1s", "p2s", "p3s"]),
        ("{8..11}", ["8", "9", "10", "11"]),
        ("{08..11}", ["08", "09", "10", "11"]),
        ("{000..9..4}", ["000", "004", "008"]),
        ("a{0..1}-{1..3..2}.tar", ["a0-1.tar", "a0-3.tar", "a1-1.tar", "a1-3.tar"]),
        ("{5..5}", ["5"]),
        ("{0..9..100}", ["0"]),
    ],
)
def test_a_range_counts_as_in_bash(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    ["{", "}", "a{1..2", "a1..2}", "{2..1}", "{1..2..0}", "{a..c}", "{1,2}", "{{1..2}}", "{1..2}}"],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(BadTemplate):
        read_template(text)


def test_a_template_has_so_many_names_and_no_more() -> None:
    assert len(names_of(f"{{1..{MAX_NAMES}}}")) == MAX_NAMES
    with pytest.raises(BadTemplate):
        read_template(f"{{0..{MAX_NAMES}}}")
    with pytest.raises(BadTemplate):
        read_template("{0..999999999999999999}" * 3)
    with pytest.raises(BadTemplate):
        read_template("{0..0}" * 17)


def names_of(text: str) -> Template:
    template = read_template(text)
    assert template is not None
    return template


_texts = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=4)
_ranges = st.tuples(
    st.integers(0, 200), st.integers(0, 30), st.integers(1, 7), st.integers(0, 4), _texts
)


@given(_texts, st.lists(_ranges, min_size=1, max_size=3))
def test_a_template_is_the_product_of_its_ranges(
    first: str, ranges: list[tuple[int, int, int, int, str]]
) -> None:
    text, wheels = first, []
    for low, span, step, width, behind in ranges:
        text += f"{{{low:0{width}}..{low + span}..{step}}}{behind}"
        shown = len(f"{low:0{width}}")
        wheels.append([f"{n:0{shown}}{behind}" for n in range(low, low + span + 1, step)])
    expected = [first + "".join(each) for each in itertools.product(*wheels)]
    template = names_of(text)
    assert len(template) == len(expected)
    assert list(template) == expected
    assert template[len(expected) // 3 :] == expected[len(expected) // 3 :]
    assert template[-1] == expected[-1]
