"""Progress on a terminal, drawn with rich; nothing is drawn elsewhere.

rich is imported when the first line is drawn, so a command that writes to a pipe starts without it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

_EVERY_S = 0.1
_BAR_CELLS = 24


class LiveLine:
    """A line that is replaced again and again. It is removed at the end of the context."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_visible = stream.isatty()
        self._drawn_s = float("-inf")
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.clear()

    def show(self, text: str) -> None:
        if self._is_due():
            self._draw(_one_line(text))

    def clear(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _is_due(self) -> bool:
        """Whether there is a terminal, and the last drawing is long enough ago."""
        now_s = time.monotonic()
        if not self._is_visible or now_s - self._drawn_s < _EVERY_S:
            return False
        self._drawn_s = now_s
        return True

    def _draw(self, line: RenderableType) -> None:
        if self._live is None:
            self._live = _new_live(self._stream)
        self._live.update(line, refresh=True)


class Progress(LiveLine):
    """A bar for `total` bytes. The total may grow later; without one only the amount is shown."""

    def __init__(self, what: str, total: int, stream: TextIO) -> None:
        super().__init__(stream)
        self._what = what
        self.total = total
        self._started_s = time.monotonic()

    def show(self, done: int, note: str = "") -> None:  # type: ignore[override]
        if not self._is_due():
            return
        amount = _amount(done, time.monotonic() - self._started_s)
        if self.total:
            self._draw(_bar(self._what, done, self.total, f"{amount}  {note}"))
        else:
            self._draw(_one_line(f"{self._what} {amount}  {note}"))


class Bar(LiveLine):
    """A bar for things that are counted, whose total is known later or never."""

    def show(self, what: str, done: int, total: int, note: str = "") -> None:  # type: ignore[override]
        if not self._is_due():
            return
        if total:
            self._draw(_bar(what, done, total, f"{done}/{total}  {note}"))
        else:
            self._draw(_one_line(f"{what} {note}"))


def _new_live(stream: TextIO) -> Live:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    live = Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    live.start()
    return live


def _one_line(text: str) -> RenderableType:
    from rich.text import Text

    return Text(text.rstrip(), no_wrap=True, overflow="ellipsis")


def _bar(what: str, done: int, total: int, after: str) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    share = min(done / total, 1.0)
    line = Table.grid(padding=(0, 1))
    for width in (None, _BAR_CELLS, 4, None):
        line.add_column(no_wrap=True, width=width)
    bar = ProgressBar(total=total, completed=min(done, total), width=_BAR_CELLS)
    line.add_row(_one_line(what), bar, _one_line(f"{share:4.0%}"), _one_line(after))
    return line


def _amount(done: int, seconds: float) -> str:
    rate = done / seconds if seconds > 0 else 0.0
    return f"{size_text(done)}  {size_text(rate)}/s"


def size_text(count: float) -> str:
    """Return a size such as `1.5 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
