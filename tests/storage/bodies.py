"""Bodies to write, and the whole of a body that is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from storage.values import Reading
from tests.storage.digests import Refused


async def body_of(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


async def broken_body(*blocks: bytes) -> AsyncIterator[bytes]:
    """Ends with an error where the end should be."""
    for block in blocks:
        yield block
    raise Refused("body")


async def gated_body(
    content: bytes, begun: asyncio.Event, gate: asyncio.Event
) -> AsyncIterator[bytes]:
    """Stops in the middle until the test opens the gate."""
    middle = len(content) // 2
    yield content[:middle]
    begun.set()
    await gate.wait()
    yield content[middle:]


async def meeting_body(content: bytes, barrier: asyncio.Barrier) -> AsyncIterator[bytes]:
    """Ends only when all other bodies at the barrier are ready to end."""
    yield content
    await barrier.wait()


async def blocks_of(reading: Reading) -> list[bytes]:
    """Reads to the end and closes."""
    if isinstance(reading.body, bytes):
        return [reading.body]
    async with aclosing(reading.body) as stream:
        return [block async for block in stream]


async def content_of(reading: Reading) -> bytes:
    return b"".join(await blocks_of(reading))


def pattern(size: int, seed: int = 0) -> bytes:
    """`size` bytes that differ from place to place, and from seed to seed."""
    period = bytes((seed + place) % 251 for place in range(251))
    return (period * (size // 251 + 1))[:size]
