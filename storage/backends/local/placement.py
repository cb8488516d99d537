"""Placement of objects on the mountpaths of a node by rendezvous hashing (HRW).

Each mountpath's digest is mixed with the name's; the highest mix wins. Adding a mountpath moves
only the names that it wins.
"""

from __future__ import annotations

from collections.abc import Sequence

import xxhash

_MASK = (1 << 64) - 1


def digest_of(uuid: str) -> int:
    """The fixed part of a mountpath's weight, computed once when it is opened."""
    return int(xxhash.xxh64_intdigest(uuid.encode()))


def place(bucket: str, name: str, digests: Sequence[int]) -> int:
    """The index, in `digests`, of the mountpath that holds the object."""
    if len(digests) == 1:
        return 0
    key = xxhash.xxh64_intdigest(f"{bucket}/{name}".encode())
    return max(range(len(digests)), key=lambda i: _mix(key ^ digests[i]))


def _mix(value: int) -> int:
    """The finaliser of splitmix64: xor alone would let one digest win whole ranges of names."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)
