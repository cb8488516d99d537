"""Rules for chunks: pure functions for every backend.

Chunks are how a backend stores bytes, and invisible to their readers. The parts of a multipart
upload are chunks too; what its client sees of them stays the same when the object is rechunked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import repeat

from msgspec import Struct

# Then they are twice as large, and so on: the size of an object has no limit, and there
# should be one to the length of its manifest.
CHUNKS_OF_ONE_SIZE = 10_000


class Cutting(Struct, frozen=True):
    """How to write a body whose end is not known yet. `sizes` are the most bytes that each piece
    may have, in turn; without one more there is no border. A body that ends in its first piece and
    has fewer bytes than `whole_below` has no chunks."""

    sizes: Iterator[int]
    whole_below: int


def uncut() -> Cutting:
    return Cutting(iter(()), sys.maxsize)


class Chunking(Struct, frozen=True):
    """An object of `limit` bytes or more, at least 1, is kept in chunks of `size` bytes."""

    limit: int
    size: int

    def cutting(self, announced: int | None) -> Cutting | None:
        """For a body whose size is announced, or is not; None for one that is written whole. A
        body of unknown size is in one piece up to the limit."""
        if announced is None:
            first = max(self.limit, self.size)
            return Cutting(_then(first, self._sizes()), self.limit)
        return Cutting(self._sizes(), 0) if announced >= self.limit else None

    def layout(self, total: int, announced: int | None) -> list[int]:
        """The sizes of the chunks of a body that had so many bytes in the end; empty for whole."""
        cutting = self.cutting(announced)
        if cutting is None or total < max(cutting.whole_below, 1):
            return []
        sizes = []
        for most in cutting.sizes:
            sizes.append(min(most, total))
            total -= sizes[-1]
            if not total:
                break
        return sizes

    def _sizes(self) -> Iterator[int]:
        size = self.size
        while True:
            yield from repeat(size, CHUNKS_OF_ONE_SIZE)
            size *= 2


def _then(first: int, others: Iterator[int]) -> Iterator[int]:
    yield first
    yield from others
