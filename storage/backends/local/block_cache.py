"""A small cache of verified blocks, for ranges that lie within one block.

When the members of a shard are read one by one, the next one is often in the same block. Blobs are
never rewritten, so nothing goes stale.
"""

from __future__ import annotations

from collections import OrderedDict

# 4 MiB of a process.
MOST = 8

# Blob id, offset of the block's first byte.
Key = tuple[str, int]


class BlockCache:
    """The least recently used of `most` blocks is dropped; for one event loop."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._blocks: OrderedDict[Key, bytes] = OrderedDict()

    def get(self, key: Key) -> bytes | None:
        block = self._blocks.get(key)
        if block is not None:
            self._blocks.move_to_end(key)
        return block

    def remember(self, key: Key, block: bytes) -> None:
        self._blocks[key] = block
        self._blocks.move_to_end(key)
        if len(self._blocks) > self._most:
            self._blocks.popitem(last=False)
