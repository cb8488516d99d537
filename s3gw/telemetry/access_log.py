"""Access log: one line per request, for people or for programs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from s3gw.config.loading import ConfigError
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.line_writer import LineWriter, open_sink
from s3gw.telemetry.logs import timestamp

MAX_WAITING = 50_000
_DELAY_S = 0.1

Render = Callable[[Exchange, float], bytes]


class AccessLog(Protocol):
    def record(self, exchange: Exchange) -> None: ...

    async def close(self) -> None:
        """Write the waiting lines."""
        ...


class NoAccessLog:
    def record(self, exchange: Exchange) -> None:
        pass

    async def close(self) -> None:
        pass


class AccessLines:
    """Renders each request as a line for the writer."""

    def __init__(self, writer: LineWriter, render: Render) -> None:
        self._writer = writer
        self._render = render

    def record(self, exchange: Exchange) -> None:
        self._writer.write(self._render(exchange, time.time()))

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.close)


def open_access_log(target: str, style: str) -> AccessLog:
    """Open the log. `target` is `-` for stdout, `off`, or a file's path; `style` is `json` or
    `text`. Raises `ConfigError`."""
    if target == "off":
        return NoAccessLog()
    try:
        sink = open_sink(target)
    except OSError as error:
        raise ConfigError(
            f"log.access = {target!r}: the file cannot be opened: {error.strerror}."
        ) from None
    writer = LineWriter(sink, "access log", max_waiting=MAX_WAITING, delay_s=_DELAY_S)
    return AccessLines(writer, as_json if style == "json" else as_text)


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
    """Escape a raw path. The server already refuses unprintable ones; a log must not rely on
    that."""
    return path if path.isascii() and path.isprintable() else repr(path)
