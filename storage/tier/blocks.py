"""Bodies as streams, whichever form they have."""

from __future__ import annotations

from contextlib import aclosing

from storage.values import Stream


async def blocks_of(body: bytes | Stream) -> Stream:
    """Yield a body; a stream is closed at the end."""
    if isinstance(body, bytes):
        if body:
            yield body
        return
    async with aclosing(body) as stream:
        async for block in stream:
            yield block
