from __future__ import annotations

import io
import re

import pytest

from s3gw.cli.progress import LiveLine, Progress, size_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        """What was drawn, without the terminal's control sequences."""
        drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())
        return [line.rstrip() for line in re.split(r"[\r\n]+", drawn) if line.strip()]


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_nothing_is_drawn_without_a_terminal() -> None:
    stream = io.StringIO()
    with Progress("scrub", 100, stream) as bar:
        bar.show(50)
    with LiveLine(stream) as line:
        line.show("working")
    assert stream.getvalue() == ""


def test_the_bar_is_removed_at_the_end() -> None:
    stream = Terminal()
    with Progress("scrub", 100, stream) as bar:
        bar.show(50, "0 damaged")
    line = stream.lines[0]
    assert re.fullmatch(r"scrub ━+[╸╺ ━]+ +50% 50 B  .*/s  0 damaged", line), line
    # The line is erased, and the cursor shown again.
    assert "\x1b[2K" in stream.getvalue()
    assert "\x1b[?25h" in stream.getvalue().rpartition("\x1b[?25l")[2]


def test_without_a_total_the_amount_is_shown() -> None:
    stream = Terminal()
    with Progress("get", 0, stream) as bar:
        bar.show(2048)
    assert stream.lines[0].startswith("get 2.0 KiB")


@pytest.mark.parametrize(("done", "total"), [(9, 3), (3, 3)])
def test_there_is_never_more_than_all(done: int, total: int) -> None:
    stream = Terminal()
    with Progress("put", total, stream) as bar:
        bar.show(done)
    assert "100%" in stream.lines[0]


def test_a_line_that_is_too_long_is_cut_by_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    with LiveLine(stream) as line:
        line.show("数据" * 20)
    # Each character takes two columns of twenty.
    assert stream.lines[0].replace(" ", "") == "数据数据数据数据数…"


def test_names_in_brackets_are_not_markup() -> None:
    stream = Terminal()
    with LiveLine(stream) as line:
        line.show("counting [red]b[/red] :smile:")
    assert set(stream.lines) == {"counting [red]b[/red] :smile:"}


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 29, "1.5 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert size_text(size) == text
