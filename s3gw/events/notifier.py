"""Announcement of events: they are written into each target's durable queue.

An event is in the queue before its request is answered, and after the change was committed: the
event of an answered write cannot be lost, and there is never an event for a failed write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Protocol

from cluster.requested_by import RequestedBy
from s3gw.events.events import ObjectEvent
from s3gw.events.message import Origin, event_message, test_message
from s3gw.events.rules import NotificationRules
from storage.clock import Clock, SystemClock
from storage.outbox import Outbox, Record
from storage.settings import setting
from storage.values import BucketInfo

log = logging.getLogger(__name__)


class Outcome(Enum):
    """The outcome for an event. FAILED is one attempt to deliver it; GIVEN_UP and OVERFLOW are
    final."""

    QUEUED = "queued"
    OVERFLOW = "overflow"
    DELIVERED = "delivered"
    FAILED = "failed"
    GIVEN_UP = "given_up"


# Counts events of a target by outcome.
Count = Callable[[str, Outcome, int], None]


class Announcer(Protocol):
    """Announces changes of objects; `targets` are the names that rules may use."""

    @property
    def targets(self) -> frozenset[str]: ...

    async def announce(
        self, bucket: BucketInfo, requested_by: RequestedBy, events: Iterable[ObjectEvent]
    ) -> None: ...

    async def test(
        self, bucket: BucketInfo, requested_by: RequestedBy, targets: Iterable[str]
    ) -> None: ...


class Unannounced:
    """For processes and tools without notification targets."""

    targets: frozenset[str] = frozenset()

    async def announce(
        self, bucket: BucketInfo, requested_by: RequestedBy, events: Iterable[ObjectEvent]
    ) -> None:
        pass

    async def test(
        self, bucket: BucketInfo, requested_by: RequestedBy, targets: Iterable[str]
    ) -> None:
        pass


class Notifier:
    """One for each process; `targets` are the names that rules may use."""

    def __init__(
        self,
        outbox: Outbox,
        targets: Iterable[str],
        *,
        region: str,
        count: Count,
        clock: Clock | None = None,
    ) -> None:
        self.targets = frozenset(targets)
        self._outbox = outbox
        self._region = region
        self._count = count
        self._clock = clock or SystemClock()

    async def announce(
        self, bucket: BucketInfo, requested_by: RequestedBy, events: Iterable[ObjectEvent]
    ) -> None:
        """Write the events to the queues of the bucket's targets.

        Raises as `Outbox.append` does. Events for a full queue are dropped, counted and logged.
        """
        rules = setting(bucket, NotificationRules)
        if rules is None:
            return
        origin = Origin(bucket, self._region, self._clock.now_ns())
        await self._append(
            [
                Record(rule.target, event_message(event, rule.id, origin, requested_by))
                for event in events
                for rule in rules.rules
                if rule.wants(event)
            ]
        )

    async def test(
        self, bucket: BucketInfo, requested_by: RequestedBy, targets: Iterable[str]
    ) -> None:
        """Send each target AWS' test event."""
        origin = Origin(bucket, self._region, self._clock.now_ns())
        message = test_message(origin, requested_by)
        await self._append([Record(target, message) for target in targets])

    async def _append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        for record, taken in zip(records, await self._outbox.append(records), strict=True):
            self._count(record.queue, Outcome.QUEUED if taken else Outcome.OVERFLOW, 1)
            if not taken:
                log.error("notification dropped: queue full", extra={"target": record.queue})
