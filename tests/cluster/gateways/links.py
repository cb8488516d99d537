"""A link from a gateway to its database that a test can break."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.lossy_proxy import HOST, LossyProxy
from tests.cluster.postgres import USER, PostgresServer


class Link:
    """A proxy with a thread of its own. Of each hundred commits so many are `lost` with their
    answer, and so many never arrive."""

    def __init__(self, server: PostgresServer, *, lost: int = 0, stopped: int = 0) -> None:
        self.proxy = LossyProxy(server.port, 0, lost=lost, stopped=stopped)
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def address(self, database: str) -> str:
        return f"postgresql://{USER}@{HOST}:{self.proxy.port}/{database}"

    def cut(self) -> None:
        """Be silent, as a network that drops everything."""
        self._loop.call_soon_threadsafe(self.proxy.fall_silent)

    def heal(self) -> None:
        self._loop.call_soon_threadsafe(self.proxy.pass_on)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        self._is_open.wait()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()
            self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with self.proxy.running():
            self._is_open.set()
            await self._end.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
