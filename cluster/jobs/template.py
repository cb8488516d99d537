"""Templates of object names: bash braces with numbers.

    shard-{0001..1000..3}.tar      a{0..9}-b{0..9}
    shard-%06d.tar                 shard-@0099.tar          where names are made up

A range is `{first..last}` or `{first..last..step}`, both ends included. Names are as wide as the
first number is written, padded with zeros. Several ranges count like the wheels of an odometer, the
last one fastest. Each name is computed on demand from its place in the sequence, so a template of
millions takes no memory, and work on it can continue where it stopped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import overload

from msgspec import Struct

MAX_NAMES = 10_000_000
MAX_RANGES = 16
_LAST = (1 << 63) - 2
_AT = re.compile(r"@([0-9]{1,18})")
_PERCENT = re.compile(r"%(?:0([0-9]{1,2}))?d")
_RANGE = re.compile(r"\{([0-9]{1,18})\.\.([0-9]{1,18})(?:\.\.([0-9]{1,18}))?\}")


class BadTemplate(ValueError):
    """The text is not a template, or one with too many names."""


class NumberRange(Struct, frozen=True):
    """`width` is that of the first number as it was written."""

    first: int
    last: int
    step: int
    width: int

    def __len__(self) -> int:
        return (self.last - self.first) // self.step + 1

    def text(self, at: int) -> str:
        return str(self.first + at * self.step).zfill(self.width)


@dataclass(frozen=True, slots=True)
class Template(Sequence[str]):
    """The names, in order. `texts` are those before, between and after the ranges."""

    texts: tuple[str, ...]
    ranges: tuple[NumberRange, ...]

    def __len__(self) -> int:
        return prod(len(each) for each in self.ranges)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        chosen = range(len(self))[at]
        return self._name(chosen) if isinstance(chosen, int) else [self._name(n) for n in chosen]

    def _name(self, at: int) -> str:
        numbers: list[str] = []
        for each in reversed(self.ranges):
            at, place = divmod(at, len(each))
            numbers.append(each.text(place))
        numbers.reverse()
        return self.texts[0] + "".join(
            number + text for number, text in zip(numbers, self.texts[1:], strict=True)
        )


def read_template(text: str) -> Template | None:
    """Parse a template; None for a text without braces, a prefix. Raises `BadTemplate`."""
    if "{" not in text and "}" not in text:
        return None
    pieces = _RANGE.split(text)
    texts = tuple(pieces[::4])
    if any("{" in piece or "}" in piece for piece in texts):
        raise BadTemplate("a range is {first..last} or {first..last..step}, in whole numbers")
    found = zip(pieces[1::4], pieces[2::4], pieces[3::4], strict=True)
    template = Template(texts, tuple(_range(*each) for each in found))
    if len(template.ranges) > MAX_RANGES or _count(template) > MAX_NAMES:
        raise BadTemplate(f"more than {MAX_NAMES} names, or more than {MAX_RANGES} ranges")
    return template


def read_counting(text: str) -> Template | None:
    """Parse a template of names to be: with braces, with `@99` for 0 to 99, or with one `%d` or
    `%06d` for as many as there will be. None for a text without a range. Raises `BadTemplate`."""
    if "{" in text and "}" in text:
        return read_template(text)
    if "@" in text:
        pieces = _AT.split(text)
        if any("@" in piece for piece in pieces[::2]) or len(pieces) > 2 * MAX_RANGES:
            raise BadTemplate("a range is @last, in digits")
        ranges = tuple(NumberRange(0, int(last), 1, len(last)) for last in pieces[1::2])
        template = Template(tuple(pieces[::2]), ranges)
        if _count(template) > MAX_NAMES:
            raise BadTemplate(f"more than {MAX_NAMES} names")
        return template
    if text.count("%") != 1:
        return None
    pieces = _PERCENT.split(text)
    if len(pieces) != 3:
        raise BadTemplate("a range is %d, or %06d with a width")
    every = NumberRange(0, _LAST, 1, int(pieces[1] or 1))
    return Template((pieces[0], pieces[2]), (every,))


def _count(template: Template) -> int:
    # `len` raises OverflowError for a length that is far over the limit.
    return prod((r.last - r.first) // r.step + 1 for r in template.ranges)


def _range(first: str, last: str, step: str | None) -> NumberRange:
    made = NumberRange(int(first), int(last), int(step or 1), len(first))
    if made.step == 0 or made.last < made.first:
        raise BadTemplate("a range must go up, in steps of at least 1")
    return made
