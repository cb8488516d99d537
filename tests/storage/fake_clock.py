"""A clock that stands still until the test moves it."""

from __future__ import annotations

_NS = 1_000_000_000


class FakeClock:
    def __init__(self, start_s: int = 1_700_000_000) -> None:
        self._now_ns = start_s * _NS

    def now_ns(self) -> int:
        return self._now_ns

    def advance_ns(self, ns: int) -> None:
        self._now_ns += ns

    def advance_s(self, seconds: int) -> None:
        self.advance_ns(seconds * _NS)
