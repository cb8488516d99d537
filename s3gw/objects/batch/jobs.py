"""Jobs of batches, for AIStore's clients to list, await and stop.

A batch is answered within its request, by the process that received it; its job does no work. It is
idle from the beginning, and ends as every idle job does. The batches of one caller in one process
belong to one job until that is over, so that not every batch needs a record; what they sent is
counted, and saved once a second. Stopping the job ends the batches that still run.
"""

from __future__ import annotations

import asyncio
import logging

from msgspec import Struct, field

from cluster.jobs.get_batch import GetBatch
from cluster.jobs.job import Counted, State
from cluster.jobs.registry import Registry, TooManyJobs
from cluster.requested_by import RequestedBy
from s3gw.objects.batch.engine import BatchJob, NoJob, Tally
from s3gw.objects.batch.errors import BatchStopped
from storage.errors import StorageError

log = logging.getLogger(__name__)

# The most callers and buckets that are remembered.
_MOST = 1000
_SAVED_EVERY_S = 1.0


class _Shared(Struct):
    """The job of several batches, as it was at the store's `revision`."""

    registry: Registry
    xid: str
    revision: int
    counted: Counted = field(default_factory=Counted)
    _saving: asyncio.Task[None] | None = None

    def count(self, tally: Tally) -> None:
        self.counted = Counted(
            self.counted.objects + tally.objects + tally.members,
            self.counted.bytes + tally.object_bytes + tally.member_bytes,
            self.registry.clock.now_ns(),
        )
        if self._saving is None:
            self._saving = asyncio.create_task(self._save())

    async def _save(self) -> None:
        saved = self.counted
        try:
            await self.registry.count(self.xid, saved)
        except StorageError as error:
            log.warning("cannot count a batch", extra={"job": self.xid, "error": repr(error)})
        asyncio.get_running_loop().call_later(_SAVED_EVERY_S, self._look_again, saved)

    def _look_again(self, saved: Counted) -> None:
        more = saved != self.counted
        self._saving = asyncio.create_task(self._save()) if more else None


class _Joined(Struct):
    """One batch of a job."""

    shared: _Shared
    revision: int

    async def check(self) -> None:
        registry, xid = self.shared.registry, self.shared.xid
        if self.revision != (revision := registry.revision()):
            self.revision = revision
            known = await registry.find(xid)
            if known is not None and (known.stopping or known.state.aborted):
                raise BatchStopped(xid)

    def count(self, tally: Tally) -> None:
        self.shared.count(tally)


class BatchJobs(Struct):
    """One process's jobs for batches, by caller and bucket."""

    registry: Registry
    _shared: dict[tuple[str, str], _Shared] = field(default_factory=dict)

    async def join(self, requested_by: RequestedBy, bucket: str) -> BatchJob:
        """Return the job of a new batch; where too many jobs wait or run, it has none."""
        key = requested_by.identity, bucket
        shared = self._shared.get(key)
        if shared is None or not await self._goes_on(shared):
            try:
                shared = await self._new(requested_by, bucket)
            except TooManyJobs:
                return NoJob()
            self._remember(key, shared)
        return _Joined(shared, shared.revision)

    async def _goes_on(self, shared: _Shared) -> bool:
        revision = self.registry.revision()
        if shared.revision == revision:
            return True
        known = await self.registry.find(shared.xid)
        shared.revision = revision
        return known is not None and not known.is_over and not known.stopping

    async def _new(self, requested_by: RequestedBy, bucket: str) -> _Shared:
        job = await self.registry.add(GetBatch(requested_by=requested_by, bucket=bucket))
        idle = State(starts=1, idle_ns=job.created_ns)
        await self.registry.save(job.xid, idle)
        return _Shared(self.registry, job.xid, self.registry.revision())

    def _remember(self, key: tuple[str, str], shared: _Shared) -> None:
        if len(self._shared) >= _MOST:
            self._shared.clear()
        self._shared[key] = shared
