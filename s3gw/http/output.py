"""Answers that stream, bounded together in what they hold.

A stream holds a piece of 1 MiB that waits for its client, one on its way out, one read ahead, and
one that is being verified. When there is no memory for another one, it waits for its turn; clients
that read nothing are let go meanwhile. What the store streams waits before it is opened
(`Request.before_stream`), other streams before their answer begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.http.leaving import Connected
from s3gw.http.memory_room import Holding, Room

if TYPE_CHECKING:
    from starlette.types import Receive

# What one stream holds at most.
STREAM_BYTES = 4 << 20
# All streams of this process: 96 at once.
STREAMS = Room(96 * STREAM_BYTES, patience_s=30.0, shares=1)


async def stream_memory(receive: Receive | None, client: str) -> Holding:
    """Return the memory of one stream. Raise `TooBusy`, and `ClientLeft` if its client does."""
    async with Connected(receive):
        return await STREAMS.enter(client, STREAM_BYTES)
