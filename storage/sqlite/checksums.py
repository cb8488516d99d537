"""SQLite's checksum of the log's frames and, with cksumvfs, of pages.

For each pair of words x, y: `a += x + b`, then `b += y + a`, modulo 2^32. So both sums are linear
in the words: they are two products with constants, and a difference of the sums says whether a
single flipped bit explains it. By chance one does once in some 2^48 tries. The low bits of a word
give each a difference of their own; the highest, which carry out of the sums, share theirs with
other words.

https://sqlite.org/fileformat2.html#walcksm
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import mul

Sums = tuple[int, int]

_WORD = 0xFFFFFFFF
_BITS = 32


class Checksum:
    """The checksum of so many words."""

    def __init__(self, words: int) -> None:
        first: list[int] = []
        second: list[int] = []
        x, y = (1, 1), (0, 1)
        for _ in range(words // 2):
            first += (y[0], x[0])
            second += (y[1], x[1])
            x, y = _step(x), _step(y)
        self._first, self._second = first[::-1], second[::-1]
        self._of_a, self._of_b = _power(words // 2)
        self._flips: dict[Sums, list[tuple[int, int]]] = {}

    def of(self, words: Sequence[int], seed: Sums = (0, 0)) -> Sums:
        a, b = seed
        return (
            sum(map(mul, words, self._first)) + a * self._of_a[0] + b * self._of_b[0]
        ) & _WORD, (
            sum(map(mul, words, self._second)) + a * self._of_a[1] + b * self._of_b[1]
        ) & _WORD

    def flips(self, words: Sequence[int], found: Sums, right: Sums) -> list[tuple[int, int]]:
        """Every word and bit in it that, flipped, makes `right` of the sums `found`."""
        if not self._flips:
            self._flips = self._all_flips()
        up = ((right[0] - found[0]) & _WORD, (right[1] - found[1]) & _WORD)
        down = (-up[0] & _WORD, -up[1] & _WORD)
        return [
            (word, bit)
            for sums, was_set in ((up, 0), (down, 1))
            for word, bit in self._flips.get(sums, ())
            if words[word] >> bit & 1 == was_set
        ]

    def _all_flips(self) -> dict[Sums, list[tuple[int, int]]]:
        flips: dict[Sums, list[tuple[int, int]]] = {}
        for word, (a, b) in enumerate(zip(self._first, self._second, strict=True)):
            for bit in range(_BITS):
                sums = ((a << bit) & _WORD, (b << bit) & _WORD)
                flips.setdefault(sums, []).append((word, bit))
        return flips


@cache
def checksum_of(words: int) -> Checksum:
    return Checksum(words)


def differ_in_one_bit(one: Sums, other: Sums) -> bool:
    return ((one[0] ^ other[0]) << _BITS | (one[1] ^ other[1])).bit_count() == 1


def _step(sums: Sums) -> Sums:
    """What a pair of zeros makes of the sums."""
    a = sums[0] + sums[1]
    return a & _WORD, (sums[1] + a) & _WORD


def _power(pairs: int) -> tuple[Sums, Sums]:
    of_a, of_b = (1, 0), (0, 1)
    for _ in range(pairs):
        of_a, of_b = _step(of_a), _step(of_b)
    return of_a, of_b
