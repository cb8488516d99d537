"""Documents in requests: read whole, and bounded together.

Each is bounded by its operation; all that a worker reads at once are bounded by a budget, and no
client has more than half of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from s3gw.http.memory_room import Holding, Room, TooBusy
from storage.pacing import Pace, off_loop

# Short documents are not worth counting.
_FREE_BYTES = 64 << 10
# All documents of this process.
UNDER_WAY = Room(256 << 20)


class TooLong(Exception):
    """The document is longer than it may be."""


async def read_whole(
    body: AsyncIterator[bytes], most: int, client: str
) -> tuple[bytes, Holding | None]:
    """Return the document, and the memory that is counted for it as long as that is kept. Raise
    `TooLong` and `TooBusy`."""
    pieces: list[bytes] = []
    size = 0
    memory, pace = Holding(UNDER_WAY, client), Pace()
    try:
        async for piece in body:
            await pace.step()
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise TooLong
            if size > _FREE_BYTES and not memory.try_take(size - memory.held):
                raise TooBusy
    except BaseException:
        memory.close()
        raise
    return await off_loop(size, b"".join, pieces), memory if memory.held else None
