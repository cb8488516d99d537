"""A small HTTP server that answers as a test says: breaks off, dawdles, lies.

async with Double(answer) as double:
    backend = AwsBackend(options_for(double.endpoint))
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

ETAG = '"0123456789abcdef0123456789abcdef"'
NO_HEADERS: Mapping[str, str] = {}
OTHER_ETAG = '"fedcba9876543210fedcba9876543210"'


@dataclass(frozen=True)
class Asked:
    """A request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answerer:
    """Writes an answer, or a part of one."""

    writer: asyncio.StreamWriter

    async def send(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        length: int | None = None,
    ) -> None:
        lines = [
            f"HTTP/1.1 {status} x",
            f"content-length: {len(body) if length is None else length}",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self.writer.drain()

    async def error(self, status: int, code: str, message: str = "") -> None:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        await self.send(status, body.encode(), {"content-type": "application/xml"})

    async def send_object(
        self, content: bytes, headers: Mapping[str, str] = NO_HEADERS, *, sent: int | None = None
    ) -> None:
        """All of the object, or its first `sent` bytes under the length of all."""
        facts = {"etag": ETAG, "last-modified": "Tue, 01 Dec 2026 00:00:00 GMT", **headers}
        await self.send(200, content[:sent], facts, length=len(content))

    async def send_range(self, content: bytes, asked: Asked, etag: str = ETAG) -> None:
        first, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
        stop = int(last) + 1 if last else len(content)
        facts = {"etag": etag, "content-range": f"bytes {first}-{stop - 1}/{len(content)}"}
        await self.send(206, content[int(first) : stop], facts)

    def reset(self) -> None:
        """Break the connection off, and not close it."""
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


Answer = Callable[[Asked, Answerer], Awaitable[None]]


@dataclass
class Double:
    answer: Answer
    asked: list[Asked] = field(default_factory=list)
    endpoint: str = ""
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.endpoint = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for writer in list(self.connections):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            while not writer.is_closing():
                asked = await _read(reader)
                self.asked.append(asked)
                await self.answer(asked, Answerer(writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            pass  # the loop's server would report it
        finally:
            self.connections.discard(writer)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, target, headers, body)
