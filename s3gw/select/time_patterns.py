"""Patterns of TO_STRING: how a timestamp is written.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-date.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from s3gw.wire.errors import Code, S3Error

_PIECES = re.compile(
    r"'(?P<quoted>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>[^A-Za-z']+)|(?P<open>')"
)
_TIME = "{x}.t"


def _format(code: str) -> str:
    return f"strftime({_TIME}, '{code}')"


# What a symbol is in SQL; `{x}` is the timestamp.
_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "yy": _format("%y"),
        "y": f"CAST(year({_TIME}) AS VARCHAR)",
        "yyyy": f"lpad(CAST(year({_TIME}) AS VARCHAR), 4, '0')",
        "M": _format("%-m"),
        "MM": _format("%m"),
        "MMM": _format("%b"),
        "MMMM": _format("%B"),
        "MMMMM": f"left({_format('%b')}, 1)",
        "d": _format("%-d"),
        "dd": _format("%d"),
        "a": _format("%p"),
        "h": _format("%-I"),
        "hh": _format("%I"),
        "H": _format("%-H"),
        "HH": _format("%H"),
        "m": _format("%-M"),
        "mm": _format("%M"),
        "s": _format("%-S"),
        "ss": _format("%S"),
        "n": f"CAST(CAST({_format('%f')} AS INTEGER) * 1000 AS VARCHAR)",
        "X": "s3_hour_zone({x}.z, 'Z')",
        "XX": "s3_zone({x}.z, 'Z', '')",
        "XXX": "s3_zone({x}.z, 'Z', ':')",
        "XXXX": "s3_zone({x}.z, 'Z', '')",
        "XXXXX": "s3_zone({x}.z, 'Z', ':')",
        "x": "s3_hour_zone({x}.z, '+00')",
        "xx": "s3_zone({x}.z, '+0000', '')",
        "xxx": "s3_zone({x}.z, '+00:00', ':')",
        "xxxx": "s3_zone({x}.z, '+0000', '')",
        "xxxxx": "s3_zone({x}.z, '+00:00', ':')",
    }
)
_MOST_DIGITS = 9


def pieces(pattern: str) -> list[tuple[str, bool]]:
    """Return the parts of a pattern: SQL with `{x}` for the timestamp and True, or a literal text
    and False."""
    found: list[tuple[str, bool]] = []
    for piece in _PIECES.finditer(pattern):
        letters = piece["letters"]
        if piece["open"] is not None:
            raise S3Error(Code.EvaluatorUnterminatedTimestampFormatPatternToken)
        if letters is None:
            text = piece["other"] if piece["quoted"] is None else piece["quoted"] or "'"
            found.append((text, False))
        elif letters in ("T",):
            found.append((letters, False))
        else:
            found.append((_symbol(letters), True))
    return found


def _symbol(letters: str) -> str:
    if letters[0] == "S" and len(letters) <= _MOST_DIGITS:
        return f"rpad(left(strftime({_TIME}, '%f'), {len(letters)}), {len(letters)}, '0')"
    found = _SYMBOLS.get(letters)
    if found is None:
        code = Code.EvaluatorInvalidTimestampFormatPatternSymbol
        raise S3Error(code, f"{code.message} Found {letters!r}.")
    return found
