"""A web server of the tests' own, with what servers differ in.

async with Site() as site:
    site.write("/dir/a", b"content")
    backend = web_backend(tmp_path)
    reading = await backend.get_object(f"{site.url}/dir/", "a")
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from s3gw.outbound.addresses import Allowed
from s3gw.outbound.web import GuardedWeb
from storage.backends.http import HttpBackend, HttpOptions
from tests.storage.aws.double import Answerer, Asked, Double
from tests.storage.digests import md5_of

BEGUN_S = 1_700_000_000
_PIECE = 70_000


@dataclass(frozen=True)
class Kind:
    """What a server does: ETags are strong, weak or none, and so on."""

    etag: str = '"{}"'
    times: bool = True
    ranges: bool = True
    lengths: bool = True
    heads: bool = True
    conditions: bool = True


@dataclass
class File:
    content: bytes
    modified_s: int
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """The files of one server; `asked` are the requests. An answer that is under way goes on with
    what the file was."""

    def __init__(self, kind: Kind = Kind()) -> None:
        self.kind = kind
        self.files: dict[str, File] = {}
        self.double = Double(self._answer)
        self._written = 0
        # While it is not set, an answer with a body stops in the middle.
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._at_once = 0
        self.most_at_once = 0

    @property
    def asked(self) -> list[Asked]:
        return self.double.asked

    @property
    def url(self) -> str:
        return self.double.endpoint

    def methods(self) -> list[str]:
        return [asked.method for asked in self.asked]

    def write(self, path: str, content: bytes, **headers: str) -> None:
        self._written += 1
        self.files[path] = File(content, BEGUN_S + self._written, headers)

    async def __aenter__(self) -> Self:
        await self.double.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.double.__aexit__(kind, error, traceback)

    async def _answer(self, asked: Asked, to: Answerer) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._respond(asked, to)
        finally:
            self._at_once -= 1

    async def _respond(self, asked: Asked, to: Answerer) -> None:
        file = self.files.get(asked.target)
        if file is None:
            await _send(to, asked, 404, {}, b"", length=True)
        elif asked.method == "HEAD" and not self.kind.heads:
            await _send(to, asked, 405, {}, b"", length=True)
        else:
            await self._answer_with(file, asked, to)

    async def _answer_with(self, file: File, asked: Asked, to: Answerer) -> None:
        facts = self._facts(file)
        if self.kind.conditions and _is_unmodified(asked, facts):
            await _send(to, asked, 304, facts, b"", length=False)
            return
        span = self._span(asked, facts, len(file.content))
        if span is None:
            await self._send_all(asked, to, facts, file.content)
        elif not span:
            facts["content-range"] = f"bytes */{len(file.content)}"
            await _send(to, asked, 416, facts, b"", length=True)
        else:
            facts["content-range"] = f"bytes {span[0]}-{span[-1]}/{len(file.content)}"
            part = file.content[span.start : span.stop]
            await _send(to, asked, 206, facts, part, length=True)

    async def _send_all(
        self, asked: Asked, to: Answerer, facts: dict[str, str], content: bytes
    ) -> None:
        if self.goes_on.is_set() or asked.method == "HEAD":
            await _send(to, asked, 200, facts, content, length=self.kind.lengths)
            return
        half = len(content) // 2
        await to.send(200, content[:half], facts, length=len(content))
        await self.goes_on.wait()
        to.writer.write(content[half:])
        await to.writer.drain()

    def _facts(self, file: File) -> dict[str, str]:
        facts = {"content-type": "text/plain", **file.headers}
        if self.kind.etag:
            facts["etag"] = self.kind.etag.format(md5_of(file.content))
        if self.kind.times:
            facts["last-modified"] = formatdate(file.modified_s, usegmt=True)
        return facts

    def _span(self, asked: Asked, facts: dict[str, str], size: int) -> range | None:
        """The wanted bytes; None for all, empty for none."""
        text = asked.headers.get("range", "")
        condition = asked.headers.get("if-range")
        if not text or not self.kind.ranges or not size:
            return range(0) if text and self.kind.ranges and "=-" not in text else None
        if condition and condition not in (facts.get("etag"), facts.get("last-modified")):
            return None
        first, _, last = text.removeprefix("bytes=").partition("-")
        if not first:
            return range(max(0, size - int(last)), size)
        return range(int(first), min(int(last) + 1 if last else size, size))


async def _send(
    to: Answerer, asked: Asked, status: int, facts: dict[str, str], body: bytes, *, length: bool
) -> None:
    lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in facts.items())]
    if length:
        lines.append(f"content-length: {len(body)}")
    elif status != 304:
        lines.append("transfer-encoding: chunked")
    to.writer.write("\r\n".join([*lines, "", ""]).encode())
    if asked.method == "HEAD" or status == 304:
        await to.writer.drain()
        return
    for at in range(0, len(body), _PIECE):
        piece = body[at : at + _PIECE]
        to.writer.write(piece if length else f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await to.writer.drain()
    if not length:
        to.writer.write(b"0\r\n\r\n")
    await to.writer.drain()


def _is_unmodified(asked: Asked, facts: dict[str, str]) -> bool:
    if wanted := asked.headers.get("if-none-match"):
        return wanted == facts.get("etag")
    if since := asked.headers.get("if-modified-since"):
        modified = facts.get("last-modified")
        return modified is not None and parsedate_to_datetime(modified) <= parsedate_to_datetime(
            since
        )
    return False


def web_backend(
    spool: Path, allow: tuple[str, ...] = ("127.0.0.1",), **options: Any
) -> HttpBackend:
    """The web as a server has it that may reach its own machine."""
    return HttpBackend(GuardedWeb(Allowed.parse(allow)), HttpOptions(spool, **options))


def no_room() -> bool:
    return False
