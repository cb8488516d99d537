"""Rates of requests to backends: AIStore's property `rate_limit.backend`.

A bucket that has it makes so many reads, writes and deletions an interval at its backend, each
counted apart and spread over the interval; what is more waits its turn. A backend that answers that
it is busy (429, 503) halves the rate of that bucket and kind, again and again down to a floor, and
the rate grows back within an interval without such answers. The request is repeated, after pauses
that double, unless it has sent a body. Each process counts its share by itself: no request waits
for another process.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from time import monotonic
from typing import Any

from msgspec import Struct

from storage.errors import BackendBusy
from storage.tier.counts import NOT_COUNTED, TierCounts
from storage.token_bucket import TokenBucket

# A request that would wait for longer is refused; what no client waits for may wait longer.
LONGEST_WAIT_S = 60.0
PATIENT_WAIT_S = 3600.0
# Of the seconds of a rate, what may be used at once.
BURST_S = 1.0
# The smallest share of its rate to which a busy backend slows a bucket.
FLOOR = 1 / 64
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0
# Of these, what is not used for a while is full again, and may be forgotten.
_MOST_KEPT = 10_000


class RequestKind(Enum):
    """Kinds of requests, by AIStore's names in `per_op_max_tokens`."""

    READ = "get"
    WRITE = "put"
    DELETION = "delete"


# Methods of `Backend` that make requests. A body of any length is one write.
KINDS: Mapping[str, RequestKind] = {
    "get_object": RequestKind.READ,
    "head_object": RequestKind.READ,
    "is_same": RequestKind.READ,
    "list_object_parts": RequestKind.READ,
    "list_objects": RequestKind.READ,
    "put_object": RequestKind.WRITE,
    "put_part": RequestKind.WRITE,
    "update_object": RequestKind.WRITE,
    "create_upload": RequestKind.WRITE,
    "complete_upload": RequestKind.WRITE,
    "abort_upload": RequestKind.DELETION,
    "delete_object": RequestKind.DELETION,
    "delete_objects": RequestKind.DELETION,
}
_WITH_BODIES = frozenset({"put_object", "put_part"})


class BackendRate(Struct, frozen=True):
    """Requests that a bucket may make at its backend in an interval, by kind, and how often one is
    repeated while the backend is busy."""

    interval_s: float
    most: Mapping[RequestKind, int]
    retries: int


class _Pace(Struct):
    """`slowed` is the share of the rate that was left at `busy_s`."""

    tokens: TokenBucket
    slowed: float = 1.0
    busy_s: float = 0.0

    def share(self, now_s: float, interval_s: float) -> float:
        return min(1.0, self.slowed + (now_s - self.busy_s) / interval_s)

    def slow_down(self, now_s: float, interval_s: float) -> None:
        self.slowed = max(self.share(now_s, interval_s) / 2, FLOOR)
        self.busy_s = now_s


class BackendRates:
    """Those of one process, which makes that `share` of all requests."""

    def __init__(
        self,
        share: float = 1.0,
        longest_wait_s: float = LONGEST_WAIT_S,
        counts: TierCounts = NOT_COUNTED,
        timer: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._share = share
        self._longest_wait_s = longest_wait_s
        self._counts = counts
        self._timer = timer
        self._sleep = sleep
        self._paces: dict[tuple[str, RequestKind], _Pace] = {}

    async def make(
        self,
        bucket: str,
        rate: BackendRate,
        method: str,
        request: Callable[..., Awaitable[Any]],
        *arguments: Any,
        **options: Any,
    ) -> Any:
        """Make a request of that method when it is its turn, and return its result. Raise
        `BackendBusy` where too many wait, and what the request raises."""
        pace = self._pace(bucket, rate, KINDS[method])
        retries = 0 if method in _WITH_BODIES else rate.retries
        # The names of a deletion of many count each, as clouds count them.
        count = len(arguments[1]) if method == "delete_objects" else 1
        pause_s = FIRST_PAUSE_S
        while True:
            await self._turn(bucket, pace, rate, KINDS[method], count)
            try:
                return await request(*arguments, **options)
            except BackendBusy:
                pace.slow_down(self._timer(), rate.interval_s)
                if not retries:
                    raise
            retries -= 1
            # Those that were refused at the same time come again at different times.
            wait_s = pause_s * random.uniform(0.5, 1.0)
            self._counts.repeated(KINDS[method].value, wait_s)
            await self._sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _turn(
        self, bucket: str, pace: _Pace, rate: BackendRate, kind: RequestKind, count: int
    ) -> None:
        now_s = self._timer()
        slowed = pace.share(now_s, rate.interval_s) * self._share
        per_s = rate.most[kind] / rate.interval_s * slowed
        wait_s = pace.tokens.wait_s(now_s, per_s, max(per_s * BURST_S, 1.0))
        if wait_s > self._longest_wait_s:
            waits = "too many requests wait, see the bucket's property rate_limit.backend"
            raise BackendBusy(bucket, "SlowDown", waits)
        pace.tokens.tokens -= count
        if wait_s:
            await self._sleep(wait_s)

    def _pace(self, bucket: str, rate: BackendRate, kind: RequestKind) -> _Pace:
        found = self._paces.get((bucket, kind))
        if found is None:
            if len(self._paces) >= _MOST_KEPT:
                self._paces.clear()
            burst = max(rate.most[kind] / rate.interval_s * self._share * BURST_S, 1.0)
            found = self._paces[bucket, kind] = _Pace(TokenBucket(burst, self._timer()))
        return found
