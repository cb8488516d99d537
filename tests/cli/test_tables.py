"""Tables: plain where a program reads them, drawn on a terminal, and aligned in both."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence

import pytest

from s3gw.cli.tables import print_table, table, width_of

HEAD = ("NAME", "SIZE>")
ROWS = [("a", "1 B"), ("训练/数据.tar", "12.0 KiB"), ("train-é", "3 B")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terminal]:
    """Print a table on a terminal of sixty columns."""

    def draw(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Terminal:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "60")
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        print_table(head, rows)
        return terminal

    return draw


def test_a_chinese_character_takes_two_columns() -> None:
    assert (width_of("abc"), width_of("数据"), width_of("é")) == (3, 4, 1)
    # A combining accent takes none.
    assert width_of("e\u0301") == 1


def test_columns_are_aligned_whatever_is_in_them() -> None:
    lines = table(HEAD, ROWS).splitlines()
    assert lines == [
        "NAME               SIZE",
        "a                   1 B",
        "训练/数据.tar  12.0 KiB",
        "train-é             3 B",
    ]
    assert {width_of(line) for line in lines} == {23}


def test_a_pipe_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEAD, [("a", "1 B"), ("bcdefg", "12 B")])
    print_table(HEAD, [("a", "1 B")], has_head=False)
    print_table(HEAD, [], "Nothing.")
    assert capsys.readouterr().out == (
        "NAME    SIZE\na        1 B\nbcdefg  12 B\na      1 B\nNothing.\n"
    )


def test_a_terminal_gets_the_same_columns(drawn: Callable[..., Terminal]) -> None:
    terminal = drawn(HEAD, ROWS)
    lines = [line.rstrip() for line in terminal.text.splitlines()]
    assert lines == table(HEAD, ROWS).splitlines()
    assert "\x1b[1m" in terminal.getvalue()


def test_a_terminal_folds_what_is_too_wide(drawn: Callable[..., Terminal]) -> None:
    terminal = drawn(HEAD, [("x" * 100, "1 B")])
    assert terminal.text.count("x") == 100
    assert all(width_of(line) <= 60 for line in terminal.text.splitlines())


def test_names_are_not_markup(drawn: Callable[..., Terminal]) -> None:
    terminal = drawn(("NAME",), [("[red]a[/red] :smile:",)])
    assert "[red]a[/red] :smile:" in terminal.text
