"""A progress bar on a terminal; nothing where nobody looks."""

from __future__ import annotations

import shutil
import time
from typing import Self, TextIO

_EVERY_S = 0.1
_WIDTH = 24


class LiveLine:
    """A line that is written over again and again. At the end of the context it is cleared."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._visible = stream.isatty()
        self._shown = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.clear()

    def show(self, text: str) -> None:
        now = time.monotonic()
        if self._visible and now - self._shown >= _EVERY_S:
            self._shown = now
            columns = shutil.get_terminal_size().columns
            self._stream.write(f"\r{text[: columns - 1]}\x1b[K")
            self._stream.flush()

    def clear(self) -> None:
        if self._visible:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


class Progress(LiveLine):
    """Shows how many of `total` bytes are done; what more there is to do may turn out later."""

    def __init__(self, what: str, total: int, stream: TextIO) -> None:
        super().__init__(stream)
        self._what = what
        self.total = total
        self._begun = time.monotonic()

    def show(self, done: int, note: str = "") -> None:  # type: ignore[override]
        seconds = time.monotonic() - self._begun
        far = progress_line(done, self.total, seconds) if self.total else _amount(done, seconds)
        super().show(f"{self._what} {far}  {note}")


def progress_line(done: int, total: int, seconds: float) -> str:
    share = min(done / total, 1.0) if total else 1.0
    bar = "#" * round(share * _WIDTH)
    return f"[{bar:.<{_WIDTH}}] {share:4.0%}  {_amount(done, seconds)}"


def _amount(done: int, seconds: float) -> str:
    rate = done / seconds if seconds > 0 else 0.0
    return f"{size_text(done)}  {size_text(rate)}/s"


def size_text(count: float) -> str:
    """`1.5 GiB`"""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
