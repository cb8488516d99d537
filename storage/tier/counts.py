"""Counts of a tier: requests to backends and their bytes, reads, evictions, large downloads.

`observed` is a backend whose requests are counted with their time, to the first byte for a read:
the bytes of a body are counted as they pass.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from functools import partial
from time import monotonic
from typing import Any, Protocol

import msgspec

from storage.backend import Backend
from storage.closable_stream import ClosableStream
from storage.errors import BackendBusy, BackendDenied, BackendError, BackendUnavailable
from storage.tier.intercepted import intercepted
from storage.values import Body, Reading, Stream


class RequestOutcome(Enum):
    """What a backend answered. That something is missing, or a condition does not hold, is a good
    answer."""

    GOOD = "good"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    DENIED = "denied"
    FAILED = "failed"


class EvictionCause(Enum):
    LRU = "lru"
    REQUEST = "request"


# Methods of `Backend` that make requests, by the names of requests; of a body with its place among
# the arguments.
REQUESTS: Mapping[str, str] = {
    "abort_upload": "abort",
    "complete_upload": "complete",
    "create_upload": "create",
    "delete_object": "delete",
    "delete_objects": "delete",
    "get_object": "get",
    "head_object": "head",
    "is_same": "head",
    "list_object_parts": "list",
    "list_objects": "list",
    "put_object": "put",
    "put_part": "put",
    "update_object": "update",
}
_BODIES: Mapping[str, int] = {"put_object": 2, "put_part": 4}
# Special errors first.
_OUTCOMES = (
    (BackendBusy, RequestOutcome.BUSY),
    (BackendUnavailable, RequestOutcome.UNAVAILABLE),
    (BackendDenied, RequestOutcome.DENIED),
    (BackendError, RequestOutcome.FAILED),
)


class TierCounts(Protocol):
    """Receives what happens. Its methods are called on the event loop, and return at once."""

    def request(
        self, provider: str, request: str, outcome: RequestOutcome, seconds: float
    ) -> None: ...

    def received(self, provider: str, count: int) -> None:
        """Bytes of objects that came from a backend."""
        ...

    def sent(self, provider: str, count: int) -> None:
        """Bytes of objects that went to a backend."""
        ...

    def broken(self, provider: str, outcome: RequestOutcome) -> None:
        """A body that did not come to its end."""
        ...

    def read(self, provider: str, *, is_hit: bool) -> None:
        """A read of an object of a remote bucket, from here or from the backend."""
        ...

    def evicted(self, cause: EvictionCause, objects: int, size: int) -> None:
        """`size` is 0 where it is unknown."""
        ...

    def blob(self, provider: str, size: int, *, is_good: bool) -> None:
        """The end of a download in many ranges."""
        ...

    def repeated(self, request: str, seconds: float) -> None:
        """A request that is repeated, after so long a pause, because the backend was busy."""
        ...


class NotCounted:
    """The counts of a process without metrics."""

    def request(
        self, provider: str, request: str, outcome: RequestOutcome, seconds: float
    ) -> None: ...

    def received(self, provider: str, count: int) -> None: ...

    def sent(self, provider: str, count: int) -> None: ...

    def broken(self, provider: str, outcome: RequestOutcome) -> None: ...

    def read(self, provider: str, *, is_hit: bool) -> None: ...

    def evicted(self, cause: EvictionCause, objects: int, size: int) -> None: ...

    def blob(self, provider: str, size: int, *, is_good: bool) -> None: ...

    def repeated(self, request: str, seconds: float) -> None: ...


NOT_COUNTED = NotCounted()


def observed(backend: Backend, provider: str, counts: TierCounts) -> Backend:
    """Return the same backend with its requests counted."""
    return intercepted(backend, REQUESTS, partial(_observe, counts, provider))


async def _observe(
    counts: TierCounts,
    provider: str,
    method: str,
    request: Callable[..., Awaitable[Any]],
    *arguments: Any,
    **options: Any,
) -> Any:
    at = _BODIES.get(method)
    if at is not None:
        body = _sent_body(arguments[at], provider, counts)
        arguments = (*arguments[:at], body, *arguments[at + 1 :])
    begun, outcome = monotonic(), RequestOutcome.GOOD
    try:
        result = await request(*arguments, **options)
    except BackendError as error:
        outcome = _outcome_of(error)
        raise
    finally:
        counts.request(provider, REQUESTS[method], outcome, monotonic() - begun)
    return _received(result, provider, counts) if method == "get_object" else result


def _received(reading: Reading, provider: str, counts: TierCounts) -> Reading:
    if isinstance(reading.body, bytes):
        counts.received(provider, len(reading.body))
        return reading
    body = _ReceivedBody(reading.body, provider, counts)
    return msgspec.structs.replace(reading, body=body)


async def _sent_body(body: Body, provider: str, counts: TierCounts) -> Body:
    async for block in body:
        counts.sent(provider, len(block))
        yield block


class _ReceivedBody(ClosableStream):
    def __init__(self, body: Stream, provider: str, counts: TierCounts) -> None:
        self._body = body
        self._provider = provider
        self._counts = counts

    async def asend(self, value: None) -> bytes:
        try:
            block = await anext(self._body)
        except BackendError as error:
            self._counts.broken(self._provider, _outcome_of(error))
            raise
        self._counts.received(self._provider, len(block))
        return block

    async def aclose(self) -> None:
        await self._body.aclose()


def _outcome_of(error: BackendError) -> RequestOutcome:
    return next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))
