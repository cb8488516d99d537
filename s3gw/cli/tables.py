"""What commands print for people: tables, facts, times. Programs have `--json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime


def table(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> str:
    """Columns as wide as they need to be; without rows the sentence `empty`. A column whose head
    ends in `>` has its cells on the right."""
    if not rows:
        return empty
    right = [name.endswith(">") for name in head]
    names = [name.rstrip(">") for name in head]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    lines = (
        "  ".join(
            f"{cell:{'>' if to_right else '<'}{width}}"
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        for row in (names, *rows)
    )
    return "\n".join(line.rstrip() for line in lines)


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """One a line, with its name before it."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:{width}}  {value}".rstrip() for name, value in rows)


def plural(count: int, thing: str) -> str:
    """`1 object`, `2 objects`"""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def moment(time_s: int, never: str = "never") -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M}Z" if time_s else never


def yes(value: bool) -> str:
    return "yes" if value else "no"


def json_text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def printable(text: str) -> str:
    """A name as it may be shown in a line: what would move the cursor is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
