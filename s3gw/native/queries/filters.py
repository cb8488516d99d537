"""Filters of objects: conditions on what the index has of each.

A filter narrows the rows of a page, column by column: of those that the conditions before left, it
returns the ones that meet it. So each condition costs a comparison for a row and no call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from msgspec import Struct

from cluster.query_handles import FilterMessage
from s3gw.native.errors import NativeError
from storage.archives.selection import BadSelection, matching
from storage.digits import read_digits
from storage.index.paging import sizes_of, times_of
from storage.values import Listed

_MOST_FILTERS = 256
_MOST_DEPTH = 32
_LARGEST = (1 << 63) - 1
_MOST_GLOB = 1024


class Rows(Struct):
    """A page: the names, what is listed of each, and `accessed` with the times of their last reads
    in nanoseconds since the epoch, empty where no filter needs them."""

    names: Sequence[str]
    listed: Sequence[Listed]
    accessed: Sequence[int] = ()
    _sizes: Sequence[int] | None = None
    _times_ns: Sequence[int] | None = None

    def sizes(self) -> Sequence[int]:
        if self._sizes is None:
            self._sizes = sizes_of(self.listed)
        return self._sizes

    def times_ns(self) -> Sequence[int]:
        if self._times_ns is None:
            self._times_ns = times_of(self.listed)
        return self._times_ns

    def are_few(self, places: Sequence[int]) -> bool:
        """Whether rows are better looked at one by one than all at once."""
        return 4 * len(places) < len(self.listed)


# The places of rows on a page, in their order.
Places = Sequence[int]
Narrow = Callable[[Rows, Places], Places]


class Filter(Struct, frozen=True):
    narrow: Narrow
    needs_access_times: bool = False


class _Value(Enum):
    """Numbers that functions compare: nanoseconds, bytes, and AIStore's versions."""

    ATIME = "atime"
    MTIME = "mtime"
    SIZE = "size"
    VERSION = "version"


# Function to the value, and how many arguments it has; then which bounds they are.
_BETWEEN = (_Value.SIZE, _Value.VERSION)


def everything(rows: Rows, places: Places) -> Places:
    return places


def read_filter(message: FilterMessage | None) -> Filter:
    """Parse a filter. Raise 400."""
    if message is None:
        return Filter(everything)
    return _read(message, [0], 0)


def _read(message: FilterMessage, seen: list[int], depth: int) -> Filter:
    seen[0] += 1
    if seen[0] > _MOST_FILTERS or depth > _MOST_DEPTH:
        raise _bad(f"more than {_MOST_FILTERS} filters, or more than {_MOST_DEPTH} in one another")
    inner = message.inner_filters or []
    match message.type:
        case "F":
            return _function(message.filter_name, message.args or [])
        case "AND" | "OR":
            if len(inner) < 2:
                raise _bad(
                    f"expected {message.type} filter to have at least 2 inner filters, "
                    f"got {len(inner)}"
                )
            filters = [_read(each, seen, depth + 1) for each in inner]
            join = _all_of if message.type == "AND" else _any_of
            return Filter(
                join([each.narrow for each in filters]),
                any(each.needs_access_times for each in filters),
            )
    raise _bad(f"unknown type {message.type[:32]}")


def _all_of(narrows: Sequence[Narrow]) -> Narrow:
    def narrow(rows: Rows, places: Places) -> Places:
        for each in narrows:
            places = each(rows, places)
        return places

    return narrow


def _any_of(narrows: Sequence[Narrow]) -> Narrow:
    def narrow(rows: Rows, places: Places) -> Places:
        found: set[int] = set()
        for each in narrows:
            found.update(each(rows, places))
        return sorted(found)

    return narrow


def _function(name: str, args: Sequence[str]) -> Filter:
    if name in _TEXTS:
        (text,) = _exactly(name, args, 1)
        return Filter(_TEXTS[name](text))
    value_name, _, side = name.partition("_")
    try:
        value = _Value(value_name)
    except ValueError:
        raise _bad(f"unknown function name {name[:64]}") from None
    if not side:
        low, high = map(_number, _exactly(name, args, 2))
    elif side in _SIDES[value]:
        (bound,) = map(_number, _exactly(name, args, 1))
        low, high = (bound, _LARGEST) if side in ("ge", "after") else (-_LARGEST, bound)
    else:
        raise _bad(f"unknown function name {name[:64]}")
    if value not in _BETWEEN:
        # As in AIStore, times are after and before, and sizes and versions include their bounds.
        low, high = low + 1, high - 1
    if value is _Value.VERSION and side == "le":
        low = 0
    return Filter(_between(value, low, high), needs_access_times=value is _Value.ATIME)


_SIDES: Mapping[_Value, tuple[str, str]] = {
    _Value.ATIME: ("before", "after"),
    _Value.MTIME: ("before", "after"),
    _Value.SIZE: ("le", "ge"),
    _Value.VERSION: ("le", "ge"),
}


def _between(value: _Value, low: int, high: int) -> Narrow:
    def sizes(rows: Rows, places: Places) -> Places:
        if rows.are_few(places):
            return [at for at in places if low <= rows.listed[at].size <= high]
        column = rows.sizes()
        return [at for at in places if low <= column[at] <= high]

    def versions(rows: Rows, places: Places) -> Places:
        listed = rows.listed if rows.are_few(places) else list(rows.listed)
        return [at for at in places if low <= listed[at].writes <= high]

    def modified(rows: Rows, places: Places) -> Places:
        if rows.are_few(places):
            return [at for at in places if low <= rows.listed[at].modified_ns <= high]
        column = rows.times_ns()
        return [at for at in places if low <= column[at] <= high]

    def accessed(rows: Rows, places: Places) -> Places:
        written, read = rows.times_ns(), rows.accessed
        return [at for at in places if low <= max(read[at], written[at]) <= high]

    return {
        _Value.SIZE: sizes,
        _Value.VERSION: versions,
        _Value.MTIME: modified,
        _Value.ATIME: accessed,
    }[value]


def _extension(text: str) -> Narrow:
    ending = "." + text.removeprefix(".")

    def narrow(rows: Rows, places: Places) -> Places:
        names = rows.names
        return [at for at in places if names[at].endswith(ending)]

    return narrow


def _glob(text: str) -> Narrow:
    """Of the last part of a name, or with a slash of the whole name."""
    if len(text) > _MOST_GLOB:
        raise _bad(f"a pattern has at most {_MOST_GLOB} letters")
    return _found(f"{'^' if '/' in text else '(?:^|/)'}{_as_expression(text)}$")


def _regular(text: str) -> Narrow:
    return _found(text)


def _found(expression: str) -> Narrow:
    try:
        matches = matching(expression)
    except BadSelection as error:
        raise _bad(str(error)) from None

    def narrow(rows: Rows, places: Places) -> Places:
        names = rows.names
        return [at for at in places if matches(names[at])]

    return narrow


_TEXTS: Mapping[str, Callable[[str], Narrow]] = {
    "ext": _extension,
    "name": _glob,
    "regexp": _regular,
}


def _as_expression(pattern: str) -> str:
    """Return a pattern of the shell as an expression: `*` and `?` pass no slash."""
    made: list[str] = []
    for piece in re.split(r"(\*|\?|\[[!^]?\]?[^\]]*\])", pattern):
        if piece == "*":
            made.append("[^/]*")
        elif piece == "?":
            made.append("[^/]")
        elif len(piece) > 2 and piece.startswith("[") and piece.endswith("]"):
            inside = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            negated = inside.startswith(("!", "^"))
            inside = inside[1:] if negated else inside
            if inside.startswith("]"):
                inside = "\\" + inside
            made.append(f"[{'^' if negated else ''}{inside}]")
        else:
            made.append(re.escape(piece))
    return "".join(made)


def _exactly(name: str, args: Sequence[str], count: int) -> Sequence[str]:
    if len(args) != count:
        raise _bad(f"{name}: expected {count} arguments, got {len(args)}")
    return args


def _number(text: str) -> int:
    digits = read_digits(text.removeprefix("-"))
    if digits is None or digits > _LARGEST:
        raise _bad(f'"{text[:32]}" is not a number of 64 bits')
    return -digits if text.startswith("-") else digits


def _bad(why: Any) -> NativeError:
    return NativeError(400, f"failed to parse query message: {why}")
