"""Token bucket: so many steps a second, and some more at once."""

from __future__ import annotations

from msgspec import Struct


class TokenBucket(Struct):
    """`tokens` were there at `at_s`, and grow at the rate that each call gives. Less than none: as
    many are owed to those who wait."""

    tokens: float
    at_s: float

    def wait_s(self, now_s: float, per_s: float, burst: float) -> float:
        """Return the seconds until there is one, 0.0 for now."""
        self.tokens = min(burst, self.tokens + (now_s - self.at_s) * per_s)
        self.at_s = now_s
        return max(0.0, (1 - self.tokens) / per_s)
