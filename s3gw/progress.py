"""A progress bar on a terminal; nothing where nobody looks."""

from __future__ import annotations

import shutil
import time
from types import TracebackType
from typing import TextIO

_EVERY_S = 0.1
_WIDTH = 24


class Progress:
    """Shows how many of `total` bytes are done. At the end of the context its line is cleared."""

    def __init__(self, what: str, total: int, stream: TextIO) -> None:
        self._what = what
        self._total = total
        self._stream = stream
        self._visible = stream.isatty()
        self._begun = time.monotonic()
        self._shown = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._visible:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def show(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        if not self._visible or now - self._shown < _EVERY_S:
            return
        self._shown = now
        columns = shutil.get_terminal_size().columns
        line = f"{self._what} {progress_line(done, self._total, now - self._begun)}  {note}"
        self._stream.write(f"\r{line[: columns - 1]}\x1b[K")
        self._stream.flush()


def progress_line(done: int, total: int, seconds: float) -> str:
    share = min(done / total, 1.0) if total else 1.0
    bar = "#" * round(share * _WIDTH)
    rate = done / seconds if seconds > 0 else 0.0
    return f"[{bar:.<{_WIDTH}}] {share:4.0%}  {size_text(done)}  {size_text(rate)}/s"


def size_text(count: float) -> str:
    """`1.5 GiB`"""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
