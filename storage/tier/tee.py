"""Bodies that are written to two stores at once.

The far store gets every block as soon as the near one does, but for the last, which it gets when
`release` is called: so it cannot finish an object that the near store refuses. What is between the
two is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from storage.values import Body

# Blocks that the far store may be behind.
_BEHIND = 4

R = TypeVar("R")


class Tee(Generic[R]):
    """The body, and the far store's write of it, which begins at once."""

    def __init__(self, body: Body, write: Callable[[Body], Awaitable[R]]) -> None:
        self._body = body
        self._blocks: asyncio.Queue[bytes | None] = asyncio.Queue(_BEHIND)
        self._released = asyncio.Event()
        self._writing = asyncio.ensure_future(write(self._far()))

    async def near(self) -> Body:
        """Yield the body; raise what the far store raised, if it refuses before the end."""
        async for block in self._body:
            if block:
                await self._hand_over(block)
                yield block
        await self._hand_over(None)

    async def release(self) -> R:
        """Let the far store finish, and return what it did. Raise what it raised."""
        self._released.set()
        return await self._writing

    async def aclose(self) -> None:
        """Stop the far store's write, unless it has ended."""
        if self._writing.done():
            return
        self._writing.cancel()
        await asyncio.wait([self._writing])

    async def _hand_over(self, block: bytes | None) -> None:
        while True:
            if self._writing.done():
                self._writing.result()
                return
            if not self._blocks.full():
                self._blocks.put_nowait(block)
                return
            putting = asyncio.ensure_future(self._blocks.put(block))
            try:
                await asyncio.wait([putting, self._writing], return_when=asyncio.FIRST_COMPLETED)
                if putting.done():
                    return
            finally:
                putting.cancel()

    async def _far(self) -> Body:
        held: bytes | None = None
        while (block := await self._blocks.get()) is not None:
            if held is not None:
                yield held
            held = block
        await self._released.wait()
        if held is not None:
            yield held
