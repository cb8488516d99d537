"""Output for people: tables, facts and times. Programs use `--json`.

A table is drawn with rich on a terminal, and folded to its width. Elsewhere it is plain text with
a stable form. rich is imported only to draw, and to measure cells that are not ASCII.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

_BETWEEN = 2


def print_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], empty: str = "", *, has_head: bool = True
) -> None:
    """Print a table, or the sentence `empty` without rows. The cells of a column whose head ends
    in `>` are on the right. `has_head=False` continues a table that has one above."""
    if not rows:
        print(empty)
    elif sys.stdout.isatty():
        _draw_table(head, rows, has_head=has_head)
    else:
        text = table(head, rows)
        print(text if has_head else text.partition("\n")[2])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return plain text: columns as wide as their widest cell on a terminal."""
    names = [name.rstrip(">") for name in head]
    widths = [max(map(width_of, column)) for column in zip(names, *rows, strict=True)]
    lines = (
        (" " * _BETWEEN).join(
            _padded(cell, width, to_right=name.endswith(">"))
            for cell, width, name in zip(row, widths, head, strict=True)
        )
        for row in (names, *rows)
    )
    return "\n".join(line.rstrip() for line in lines)


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return one line per row: a name, and its value."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:{width}}  {value}".rstrip() for name, value in rows)


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes; a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def plural(count: int, thing: str) -> str:
    """Return `1 object`, `2 objects`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def moment(time_s: int, never: str = "never") -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M}Z" if time_s else never


def yes(value: bool) -> str:
    return "yes" if value else "no"


def json_text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def printable(text: str) -> str:
    """Return a name with its control characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _padded(cell: str, width: int, *, to_right: bool) -> str:
    space = " " * (width - width_of(cell))
    return f"{space}{cell}" if to_right else f"{cell}{space}"


def _draw_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, has_head: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(
        box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0), show_header=has_head,
        header_style="bold",
    )  # fmt: skip
    for name in head:
        drawn.add_column(
            name.rstrip(">"), justify="right" if name.endswith(">") else "left", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console(markup=False, highlight=False, emoji=False).print(drawn)
