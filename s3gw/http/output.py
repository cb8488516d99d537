"""Answers that stream, bounded together in what they hold.

A stream holds a block that waits for its client, one on its way out, one read ahead, and one that
is being verified. When there is no memory for another one, it waits for its turn; clients that read
nothing are let go meanwhile.
"""

from __future__ import annotations

from s3gw.http.memory_room import Room

# What one stream holds at most.
STREAM_BYTES = 4 * (512 << 10)
# All streams of this process: 192 at once.
STREAMS = Room(192 * STREAM_BYTES, patience_s=30.0, shares=1)
