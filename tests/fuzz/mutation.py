"""Turning the fuzzer's bytes into something that is nearly right.

Random bytes alone never hold a good signature, so half of the inputs are a good text with a piece
of it replaced: two bytes say where, one how much, the rest is put there.
"""

from __future__ import annotations

_HEAD = 4


def spliced(good: bytes, data: bytes) -> bytes:
    """`data` itself when its first byte is odd; otherwise `good`, changed as the rest says."""
    if not data or data[0] % 2:
        return data[1:]
    where = int.from_bytes(data[1:3], "big") % (len(good) + 1)
    length = int.from_bytes(data[3:_HEAD], "big")
    return good[:where] + data[_HEAD:] + good[where + length :]


def one_of(words: list[str], data: bytes) -> tuple[str, bytes]:
    """A word that the first byte chooses, and the other bytes."""
    return words[data[0] % len(words) if data else 0], data[1:]
