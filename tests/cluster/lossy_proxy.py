"""A link to PostgreSQL that loses answers: it breaks at some commits, before or after them.

It can also fall silent, as a network does that drops everything.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"
# The message of the protocol that commits.
_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
_BLOCK = 1 << 16


class LossyProxy:
    """Of each hundred commits so many are `lost` with their answer, and so many never arrive."""

    def __init__(self, port: int, seed: int, *, lost: int, stopped: int) -> None:
        self.port = 0
        self.answers_lost = 0
        self.commits_stopped = 0
        self._server_port = port
        self._chance = random.Random(seed)
        self._lost = lost
        self._stopped = stopped
        self._is_passing = asyncio.Event()
        self._is_passing.set()

    def fall_silent(self) -> None:
        """Keep all connections, take new ones, and pass nothing on."""
        self._is_passing.clear()

    def pass_on(self) -> None:
        """Pass on what came meanwhile, and all that comes."""
        self._is_passing.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, on = await asyncio.open_connection(HOST, self._server_port)
        link = _Link()
        ways = [
            asyncio.ensure_future(self._requests(client, on, link)),
            asyncio.ensure_future(self._answers(answers, back, link)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (back, on):
                with suppress(OSError):
                    writer.close()
                    await writer.wait_closed()

    async def _requests(
        self, client: asyncio.StreamReader, on: asyncio.StreamWriter, link: _Link
    ) -> None:
        while data := await client.read(_BLOCK):
            if data == _COMMIT:
                number = self._chance.randrange(100)
                if number < self._stopped:
                    self.commits_stopped += 1
                    return
                link.is_losing = number < self._stopped + self._lost
            await self._is_passing.wait()
            on.write(data)
            await on.drain()

    async def _answers(
        self, answers: asyncio.StreamReader, back: asyncio.StreamWriter, link: _Link
    ) -> None:
        while data := await answers.read(_BLOCK):
            if link.is_losing:
                self.answers_lost += 1
                return
            await self._is_passing.wait()
            back.write(data)
            await back.drain()


class _Link:
    """One connection; `is_losing`: the next answer is lost."""

    def __init__(self) -> None:
        self.is_losing = False
