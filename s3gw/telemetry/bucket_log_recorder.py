"""A worker's buffer of access log lines for the queue.

AWS delivers these logs on a best-effort basis, and so does this server: a request never waits for
its line, a crash loses the lines of the last moment, and lines that do not fit into the queue are
dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum

import msgspec

from s3gw.events.log_target import LoggingTarget, Source
from s3gw.telemetry.bucket_log_record import access_record
from s3gw.telemetry.exchange import Exchange
from storage.errors import StorageError
from storage.outbox import Outbox, Record
from storage.settings import setting

log = logging.getLogger(__name__)

MAX_WAITING = 20_000
_DELAY_S = 0.2


class Fate(Enum):
    """The outcome for a line."""

    QUEUED = "queued"
    DROPPED = "dropped"
    DELIVERED = "delivered"


CountLines = Callable[[Fate, int], None]


class LogQueue(msgspec.Struct, frozen=True, array_like=True):
    """The lines of one bucket on their way to one target; its JSON is the queue's name."""

    source: Source
    target: LoggingTarget

    @property
    def name(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def named(cls, name: str) -> LogQueue:
        return msgspec.json.decode(name, type=cls)


class Recorder:
    """The buffer of one worker."""

    def __init__(self, outbox: Outbox, *, region: str, count: CountLines) -> None:
        self._outbox = outbox
        self._region = region
        self._count = count
        self._waiting: list[Record] = []
        self._writing: asyncio.Task[None] | None = None

    def record(self, exchange: Exchange) -> None:
        """Buffer a request's line; without a log it costs one look at the bucket's settings."""
        head, bucket = exchange.head, exchange.bucket_info
        if bucket is None or LoggingTarget.setting_name not in bucket.settings:
            return
        target = setting(bucket, LoggingTarget)
        if head is None or target is None:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._count(Fate.DROPPED, 1)
            return
        queue = LogQueue(Source(bucket.name, bucket.owner, self._region), target)
        self._waiting.append(Record(queue.name, access_record(head, exchange, bucket, time.time())))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())

    async def close(self) -> None:
        """Wait until all lines are in the queue."""
        if self._writing is not None:
            await self._writing

    async def _write_soon(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(_DELAY_S)
                await self.flush()
        finally:
            self._writing = None

    async def flush(self) -> None:
        """Write the waiting lines to the queue."""
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        try:
            taken = await self._outbox.append(lines)
        except StorageError as error:
            log.error("access log lines lost", extra={"error": str(error), "lines": len(lines)})
            taken = [False] * len(lines)
        self._count(Fate.QUEUED, sum(taken))
        if dropped := len(lines) - sum(taken):
            self._count(Fate.DROPPED, dropped)
            log.error("access log lines dropped", extra={"lines": dropped})
