"""Rates of requests to backends: AIStore's property `rate_limit.backend`.

A bucket that has it makes so many reads, writes and deletions an interval at its backend, each
counted apart and spread over the interval; what is more waits its turn. A backend that answers that
it is busy (429, 503) halves the rate of that bucket and kind, again and again down to a floor, and
the rate grows back within an interval without such answers. The request is repeated, after pauses
that double, unless it has sent a body.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any

from msgspec import Struct

from storage.errors import BackendBusy
from storage.tier.counts import NOT_COUNTED, TierCounts
from storage.tier.paces import OwnPaces, Pace, Paces

# A request that would wait for longer is refused; what no client waits for may wait longer.
LONGEST_WAIT_S = 60.0
PATIENT_WAIT_S = 3600.0
# Of the seconds of a rate, what may be used at once.
BURST_S = 1.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0


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


class BackendRates:
    """Makes the requests of a process, at `paces` that it may share with others."""

    def __init__(
        self,
        paces: Paces | None = None,
        longest_wait_s: float = LONGEST_WAIT_S,
        counts: TierCounts = NOT_COUNTED,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._paces = paces or OwnPaces()
        self._longest_wait_s = longest_wait_s
        self._counts = counts
        self._sleep = sleep

    def close(self) -> None:
        self._paces.close()

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
        kind = KINDS[method]
        retries = 0 if method in _WITH_BODIES else rate.retries
        # The names of a deletion of many count each, as clouds count them.
        count = len(arguments[1]) if method == "delete_objects" else 1
        pause_s = FIRST_PAUSE_S
        while True:
            await self._turn(bucket, rate, kind, count)
            try:
                return await request(*arguments, **options)
            except BackendBusy:
                await self._paces.change(
                    _key(bucket, kind), lambda pace, now_s: pace.slow_down(now_s, rate.interval_s)
                )
                if not retries:
                    raise
            retries -= 1
            # Those that were refused at the same time come again at different times.
            wait_s = pause_s * random.uniform(0.5, 1.0)
            self._counts.repeated(kind.value, wait_s)
            await self._sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _turn(self, bucket: str, rate: BackendRate, kind: RequestKind, count: int) -> None:
        def taken(pace: Pace, now_s: float) -> float:
            """Take the tokens, and return how long to wait for them."""
            full = rate.most[kind] / rate.interval_s
            per_s = full * pace.share(now_s, rate.interval_s)
            wait_s = pace.tokens.wait_s(now_s, per_s, max(per_s * BURST_S, 1.0))
            if wait_s > self._longest_wait_s:
                waits = "too many requests wait, see the bucket's property rate_limit.backend"
                raise BackendBusy(bucket, "SlowDown", waits)
            pace.tokens.tokens -= count
            return wait_s

        if wait_s := await self._paces.change(_key(bucket, kind), taken):
            await self._sleep(wait_s)


def _key(bucket: str, kind: RequestKind) -> str:
    return f"{kind.value} {bucket}"
