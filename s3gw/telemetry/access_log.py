"""The access log: one line per request, for people or for programs.

Lines are gathered and written together some moments later, by another thread: a reader of the pipe
that stands still must not stop the server. What cannot be written in time is dropped and counted.
Several workers write to the same place, so each write is at most what a pipe takes in one piece,
and ends with a line.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from s3gw.config.loading import ConfigError
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.logs import timestamp

log = logging.getLogger(__name__)

MAX_WAITING = 50_000
_DELAY_S = 0.1

Render = Callable[[Exchange, float], bytes]


class AccessLog(Protocol):
    def record(self, exchange: Exchange) -> None: ...

    async def close(self) -> None:
        """Write what is waiting."""
        ...


class NoAccessLog:
    def record(self, exchange: Exchange) -> None:
        pass

    async def close(self) -> None:
        pass


class Sink(Protocol):
    def write(self, block: bytes) -> None: ...

    def close(self) -> None: ...


class LineLog:
    """Gathers lines on the event loop, and writes them to the sink in a thread of its own."""

    def __init__(self, sink: Sink, render: Render) -> None:
        self._sink = sink
        self._render = render
        self._waiting: list[bytes] = []
        self._dropped = 0
        self._writing: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "access-log")

    def record(self, exchange: Exchange) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(self._render(exchange, time.time()))
        if self._writing is None and len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_DELAY_S, self._flush)

    async def close(self) -> None:
        if self._writing is not None:
            await self._writing
        if self._waiting:
            self._flush()
        if self._writing is not None:
            await self._writing
        self._thread.shutdown()
        self._sink.close()

    def _flush(self) -> None:
        if self._writing is not None or not self._waiting:
            return
        lines, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._thread, self._write, lines)
        self._writing.add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        if error := writing.exception():
            log.warning("access log cannot be written", extra={"error": str(error)})
        if self._dropped:
            log.warning("access log lines dropped", extra={"lines": self._dropped})
            self._dropped = 0
        self._flush()

    def _write(self, lines: list[bytes]) -> None:
        for block in in_pieces(lines):
            self._sink.write(block)


class Stdout:
    def write(self, block: bytes) -> None:
        _write_all(sys.stdout.fileno(), block)

    def close(self) -> None:
        pass


class LogFile:
    """A file that is opened again when somebody moved it away."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = self._open()

    def write(self, block: bytes) -> None:
        if self._was_moved():
            os.close(self._fd)
            self._fd = self._open()
        _write_all(self._fd, block)

    def close(self) -> None:
        os.close(self._fd)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _was_moved(self) -> bool:
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return True
        return not os.path.samestat(there, os.fstat(self._fd))


def open_access_log(target: str, style: str) -> AccessLog:
    """`target` is `-` for stdout, `off`, or a file's path; `style` is `json` or `text`."""
    if target == "off":
        return NoAccessLog()
    try:
        sink = Stdout() if target == "-" else LogFile(target)
    except OSError as error:
        raise ConfigError(
            f"log.access = {target!r}: the file cannot be opened: {error.strerror}."
        ) from None
    return LineLog(sink, as_json if style == "json" else as_text)


def in_pieces(lines: list[bytes]) -> list[bytes]:
    """Whole lines joined into blocks that a pipe takes without mixing them with another's."""
    pieces: list[bytes] = []
    block = bytearray()
    for line in lines:
        if block and len(block) + len(line) > select.PIPE_BUF:
            pieces.append(bytes(block))
            block.clear()
        block += line
    pieces.append(bytes(block))
    return pieces


_ENCODER = msgspec.json.Encoder()


def as_json(exchange: Exchange, now: float) -> bytes:
    line = {
        "time": timestamp(now),
        "request_id": exchange.request_id,
        "remote": exchange.remote,
        "account": exchange.account,
        "method": exchange.method,
        "path": exchange.path,
        "operation": exchange.operation,
        "bucket": exchange.bucket,
        "status": exchange.status,
        "error_code": exchange.error_code,
        "bytes_in": exchange.bytes_in,
        "bytes_out": exchange.bytes_out,
        "seconds": round(exchange.seconds, 6),
        "user_agent": exchange.user_agent,
    }
    return _ENCODER.encode(line) + b"\n"


def as_text(exchange: Exchange, now: float) -> bytes:
    took = f"{exchange.seconds * 1000:.1f} ms"
    what = f"{exchange.operation or '-'} {exchange.error_code}".rstrip()
    sizes = f"{exchange.bytes_in} in, {exchange.bytes_out} out"
    head = f"{timestamp(now)} {exchange.status} {exchange.method:6} {_printable(exchange.path)}"
    return f"{head}  {what}  {sizes}, {took}  {exchange.remote} {exchange.request_id}\n".encode()


def _printable(path: str) -> str:
    """Raw paths are printable ASCII by the server's own check; a line must not depend on it."""
    return path if path.isascii() and path.isprintable() else repr(path)


def _write_all(fd: int, block: bytes) -> None:
    while block:
        block = block[os.write(fd, block) :]
