"""Log files: buffered lines, written by a thread.

A disk or a reader of a pipe that blocks must not stop the server: lines that cannot be written in
time are dropped and counted. Several workers write to the same target, so each write is at most the
size that a pipe takes atomically, and ends with a line.
"""

from __future__ import annotations

import logging
import os
import select
import stat
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Protocol

log = logging.getLogger(__name__)

OLDER = ".1"


class Sink(Protocol):
    def write(self, block: bytes) -> None:
        """Write whole lines. Raises `OSError`."""
        ...

    def close(self) -> None: ...


class Stdout:
    def write(self, block: bytes) -> None:
        _write_all(sys.stdout.fileno(), block)

    def close(self) -> None:
        pass


class LogFile:
    """A file that is opened again after it was moved away, for logrotate. With `max_bytes` it
    rotates itself: a file of that size becomes the older one of two."""

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        """Open the file. Raises `OSError`."""
        self._path = path
        self._max_bytes = max_bytes
        self._fd = self._open()

    def write(self, block: bytes) -> None:
        if self._was_moved():
            mode = stat.S_IMODE(os.fstat(self._fd).st_mode)
            os.close(self._fd)
            self._fd = self._open(mode)
        _write_all(self._fd, block)
        if self._max_bytes is not None and os.fstat(self._fd).st_size >= self._max_bytes:
            rotate(self._path)

    def close(self) -> None:
        os.close(self._fd)

    def _open(self, mode: int = 0o640) -> int:
        """Open the file; `mode` is that of a new one."""
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)

    def _was_moved(self) -> bool:
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(self._fd))


class LineWriter:
    """Writes lines to the sink, in order. `name` is its name in the log; lines are collected for
    `delay_s` seconds and written together; `write` may be called by one thread."""

    def __init__(self, sink: Sink, name: str, *, max_waiting: int, delay_s: float = 0.0) -> None:
        self._sink = sink
        self._name = name
        self._max_waiting = max_waiting
        self._delay_s = delay_s
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._is_due = False
        self._closing = Event()
        self._thread = ThreadPoolExecutor(1, name.replace(" ", "-"))

    def write(self, line: bytes) -> bool:
        """Add a line; return whether it was accepted, or else dropped."""
        if len(self._waiting) >= self._max_waiting:
            self._dropped += 1
            return False
        self._waiting.append(line)
        if not self._is_due:
            self._is_due = True
            self._thread.submit(self._write_soon)
        return True

    def close(self) -> None:
        """Return when everything is written."""
        self._closing.set()
        self._thread.shutdown()
        self._sink.close()

    def _write_soon(self) -> None:
        while self._waiting:
            self._closing.wait(self._delay_s)
            lines = []
            while self._waiting:
                lines.append(self._waiting.popleft())
            self._write_all(lines)
        self._is_due = False
        if self._waiting:
            # Lines that arrived while this thread was still marked as running.
            self._write_soon()

    def _write_all(self, lines: Sequence[bytes]) -> None:
        try:
            for block in in_pieces(lines):
                self._sink.write(block)
        except OSError as error:
            log.error(f"{self._name} cannot be written", extra={"error": str(error)})
        if self._dropped:
            log.error(f"{self._name} lines dropped", extra={"lines": self._dropped})
            self._dropped = 0


def open_sink(target: str) -> Sink:
    """Open a sink; `target` is `-` for stdout, or a file's path. Raises `OSError`."""
    return Stdout() if target == "-" else LogFile(Path(target))


def rotate(path: Path) -> None:
    """Rename a file to the older one, and replace the previous older one. A link stays, and the
    file that it leads to is renamed; what is not a file is left alone."""
    path = Path(os.path.realpath(path))
    if path.is_file():
        with suppress(FileNotFoundError):
            os.replace(path, path.with_name(path.name + OLDER))


def in_pieces(lines: Sequence[bytes]) -> list[bytes]:
    """Join whole lines into blocks that a pipe takes atomically."""
    pieces: list[bytes] = []
    block = bytearray()
    for line in lines:
        if block and len(block) + len(line) > select.PIPE_BUF:
            pieces.append(bytes(block))
            block.clear()
        block += line
    pieces.append(bytes(block))
    return pieces


def _write_all(fd: int, block: bytes) -> None:
    while block:
        block = block[os.write(fd, block) :]
