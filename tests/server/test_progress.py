from __future__ import annotations

import io

import pytest

from s3gw.cli.progress import Progress, progress_line, size_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_drawn_where_nobody_looks() -> None:
    stream = io.StringIO()
    with Progress("scrub", 100, stream) as bar:
        bar.show(50)
    assert stream.getvalue() == ""


def test_the_line_is_gone_at_the_end() -> None:
    stream = Terminal()
    with Progress("scrub", 100, stream) as bar:
        bar.show(50, "0 damaged")
    assert "scrub [############............]  50%  50 B" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(("done", "total"), [(0, 0), (5, 0), (9, 3), (3, 3)])
def test_there_is_never_more_than_all(done: int, total: int) -> None:
    assert "] 100%" in progress_line(done, total, 0.0)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 29, "1.5 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert size_text(size) == text
