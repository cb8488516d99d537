"""Delivery of queued access-log lines as objects.

A bucket's lines become an object once there are enough of them, or the oldest has waited long
enough. The object is written before its lines are dropped, so a crash in between repeats lines, as
AWS' own delivery may.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from itertools import takewhile

from msgspec import Struct

from s3gw.access import may_deliver_logs, read_policy_ahead
from s3gw.events.log_target import Partition, log_key
from s3gw.jobs.log_writing import LogWriter
from s3gw.telemetry.bucket_log_recorder import CountLines, Fate, LogQueue
from s3gw.wire.errors import Code, S3Error
from storage.clock import Clock, SystemClock
from storage.errors import BucketNotFound, StorageError
from storage.outbox import Outbox, Queue, Waiting
from storage.values import BucketInfo

log = logging.getLogger(__name__)

# Lines in one object; some 500 bytes each.
MAX_LINES = 20_000
_LOOK_S = 1.0
_NS = 1_000_000_000
_DAY_NS = 86400 * _NS


class Bundling(Struct, frozen=True):
    """When lines become an object: after so long, in seconds, or with so many bytes."""

    interval_s: float
    object_bytes: int


class LogDelivery:
    """`run_once` is one round of the loop in `cluster.maintenance`."""

    def __init__(
        self,
        outbox: Outbox,
        writer: LogWriter,
        *,
        bundling: Bundling,
        count: CountLines,
        clock: Clock | None = None,
    ) -> None:
        self._outbox = outbox
        self._writer = writer
        self._store = writer.objects.store
        self._bundling = bundling
        self._count = count
        self._clock = clock or SystemClock()

    async def run_once(self) -> float:
        """Deliver what is due; return the seconds until the next look. A target that cannot be
        written to is tried again then, and others do not wait for it."""
        for queue in await self._outbox.queues():
            if self._is_due(queue):
                try:
                    await self._deliver(queue.name)
                except (StorageError, S3Error) as error:
                    fields = {"queue": queue.name, "error": str(error)}
                    log.error("access log not delivered", extra=fields)
        await self._outbox.checkpoint()
        return min(_LOOK_S, self._bundling.interval_s)

    def _is_due(self, queue: Queue) -> bool:
        age_ns = self._clock.now_ns() - queue.oldest_ns
        return (
            queue.bytes >= self._bundling.object_bytes or age_ns >= self._bundling.interval_s * _NS
        )

    async def _deliver(self, name: str) -> None:
        queue = LogQueue.named(name)
        lines = await self._outbox.read(name, MAX_LINES)
        if queue.target.partition is Partition.EVENT_TIME:
            day = lines[0].time_ns // _DAY_NS
            lines = list(takewhile(lambda line: line.time_ns // _DAY_NS == day, lines))
        bucket = await self._target(queue)
        if bucket is not None:
            await self._put(bucket, queue, lines)
            self._count(Fate.DELIVERED, len(lines))
        else:
            self._count(Fate.DROPPED, len(lines))
            log.error("access log lines dropped: no such target", extra={"queue": name})
        await self._outbox.drop([line.id for line in lines])

    async def _target(self, queue: LogQueue) -> BucketInfo | None:
        """Return the target; None when it was removed since, or has another owner now."""
        try:
            bucket = await self._store.head_bucket(queue.target.bucket)
        except BucketNotFound:
            return None
        return bucket if bucket.owner == queue.source.owner else None

    async def _put(self, bucket: BucketInfo, queue: LogQueue, lines: Sequence[Waiting]) -> None:
        by_day = queue.target.partition is Partition.EVENT_TIME
        time_ns = lines[0].time_ns if by_day else self._clock.now_ns()
        key = log_key(queue.source, queue.target, time_ns, os.urandom(8).hex().upper())
        await read_policy_ahead(bucket)
        if not may_deliver_logs(
            bucket, key, BucketInfo(queue.source.bucket, queue.source.owner, 0)
        ):
            raise S3Error(Code.AccessDenied, "The target bucket's policy denies it.")
        body = b"".join(line.body for line in lines)
        await self._writer.put(bucket, key, body)
