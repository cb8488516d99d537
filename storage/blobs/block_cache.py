"""Verified blocks that are remembered for ranges within one block.

When the members of a shard are read one by one, the next one is often in the same block: the blocks
that were read last are kept whole. When they are read in any order, each is in another block, of
which a hundredth is wanted. So of many more blocks the hashes of small units are kept: they were
computed of bytes that matched the hash of their block, and what matches them needs no more of it.

Blobs are never rewritten, so nothing goes stale.
"""

from __future__ import annotations

from collections import OrderedDict

from storage.blobs.blob import HASH_BYTES, block_hash

# 4 MiB of a process.
MOST = 8
# The hashes of a block's units take half a KiB: 4 MiB of a process for 4 GiB of data.
MOST_HASHED = 8192
UNIT = 16 << 10

# Blob id, offset of the block's first byte.
Key = tuple[str, int]


class BlockCache:
    """The least recently used of `most` blocks and `most_hashed` hashes are dropped; for one event
    loop."""

    def __init__(self, most: int = MOST, most_hashed: int = MOST_HASHED) -> None:
        self._blocks = _Recent(most)
        self._hashes = _Recent(most_hashed)

    def get(self, key: Key) -> bytes | None:
        return self._blocks.get(key)

    def hashes(self, key: Key) -> bytes | None:
        """Return what `unit_hashes` made of the block."""
        return self._hashes.get(key)

    def remember(self, key: Key, block: bytes) -> None:
        self._blocks.remember(key, block)
        self._hashes.remember(key, unit_hashes(block))


def unit_hashes(block: bytes) -> bytes:
    """Return the hashes of the block's units, one after another."""
    view = memoryview(block)
    return b"".join(block_hash(view[at : at + UNIT]) for at in range(0, len(block), UNIT))


def hash_of(hashes: bytes, unit: int) -> bytes:
    return hashes[unit * HASH_BYTES : (unit + 1) * HASH_BYTES]


class _Recent:
    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, bytes] = OrderedDict()

    def get(self, key: Key) -> bytes | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def remember(self, key: Key, value: bytes) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
