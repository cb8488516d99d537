"""Schedule of inventories: daily, weekly on Sundays, and new ones at once.

The leading node looks, and registers a job for each that is due. `/inventory/<bucket>/<id>` has the
number of the day or week whose report was begun, so whichever node leads goes on from there. It is
written after the job: a crash in between makes a report twice, and none is left out.
"""

from __future__ import annotations

from msgspec import Struct, field

from cluster.coordination import Coordination, Delete, Entry, Put, Unchanged
from cluster.inventory import Inventories, Inventory
from cluster.jobs.create_inventory import inventory_job
from cluster.jobs.registry import Registry, TooManyJobs
from cluster.lifecycle.rules import Calendar
from storage.backend import Backend
from storage.clock import Clock, PatientClock
from storage.settings import setting
from storage.values import BucketInfo

_ROOT = "/inventory/"
_EVERY_S = 60.0
# Looks in one day, where days are shorter than real ones.
_LOOKS = 10
# The epoch was a Thursday, and weeks begin on Sundays.
_EPOCH_IN_WEEK = 4


class InventorySchedule(Struct, frozen=True):
    """A job that runs beside the chores."""

    store: Backend
    registry: Registry
    coordination: Coordination
    calendar: Calendar = field(default_factory=Calendar)
    clock: Clock = field(default_factory=PatientClock)

    async def run_once(self) -> float:
        """Begin what is due; return in how many seconds to look again."""
        entries, _ = await self.coordination.range(_ROOT)
        begun = {entry.key: entry for entry in entries}
        known: set[str] = set()
        for bucket in await self.store.list_buckets():
            for inventory in _configured(bucket):
                key = f"{_ROOT}{bucket.lasting_name}/{inventory.id}"
                known.add(key)
                if inventory.enabled:
                    await self._begin_if_due(bucket, inventory, key, begun.get(key))
        for key in begun.keys() - known:
            await self.coordination.transact((), (Delete(key),))
        return min(_EVERY_S, self.calendar.day_s / _LOOKS)

    async def _begin_if_due(
        self, bucket: BucketInfo, inventory: Inventory, key: str, begun: Entry | None
    ) -> None:
        period = self._period(inventory)
        if begun is not None and begun.value == period:
            return
        try:
            await self.registry.add(inventory_job(bucket, inventory))
        except TooManyJobs:
            # The next look finds it due again.
            return
        seen = Unchanged(key, 0 if begun is None else begun.mod_revision)
        await self.coordination.transact((seen,), (Put(key, period),))

    def _period(self, inventory: Inventory) -> bytes:
        """Return the current day or week of an inventory."""
        day = self.clock.now_ns() // self.calendar.day_ns
        days = inventory.frequency.days
        number = day if days == 1 else (day + _EPOCH_IN_WEEK) // days
        return f"{inventory.frequency.value} {number}".encode()


def _configured(bucket: BucketInfo) -> tuple[Inventory, ...]:
    found = setting(bucket, Inventories)
    return () if found is None else found.configurations
