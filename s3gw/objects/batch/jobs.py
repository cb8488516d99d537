"""Jobs of batches, for AIStore's clients to list, await and stop.

A batch is answered within its request, by the process that received it; its job does no work. It is
idle from the beginning, and ends as every idle job does. The batches of one caller in one process
belong to one job until that is over, so that not every batch needs a record. Stopping the job ends
the batches that still run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cluster.jobs.get_batch import GetBatch
from cluster.jobs.job import State
from cluster.jobs.registry import Registry, TooManyJobs
from cluster.requested_by import RequestedBy
from s3gw.objects.batch.engine import Check, nothing_stops
from s3gw.objects.batch.errors import BatchStopped

# The most callers and buckets that are remembered.
_MOST = 1000


@dataclass(slots=True)
class _Joined:
    """A job, as it was at the store's `revision`."""

    xid: str
    revision: int


@dataclass(slots=True)
class BatchJobs:
    """One process's jobs for batches, by caller and bucket."""

    registry: Registry
    _joined: dict[tuple[str, str], _Joined] = field(default_factory=dict)

    async def join(self, requested_by: RequestedBy, bucket: str) -> Check:
        """Return the check that the batch calls while it runs. Where too many jobs wait or run, the
        batch has no job, and the check does nothing."""
        key = requested_by.identity, bucket
        joined = self._joined.get(key)
        if joined is None or not await self._goes_on(joined):
            try:
                joined = await self._new(requested_by, bucket)
            except TooManyJobs:
                return nothing_stops
            self._remember(key, joined)
        return self._check_of(joined)

    def _check_of(self, joined: _Joined) -> Check:
        mine = _Joined(joined.xid, joined.revision)

        async def check() -> None:
            if mine.revision != (revision := self.registry.revision()):
                mine.revision = revision
                known = await self.registry.find(mine.xid)
                if known is not None and (known.stopping or known.state.aborted):
                    raise BatchStopped(mine.xid)

        return check

    async def _goes_on(self, joined: _Joined) -> bool:
        revision = self.registry.revision()
        if joined.revision == revision:
            return True
        known = await self.registry.find(joined.xid)
        joined.revision = revision
        return known is not None and not known.is_over and not known.stopping

    async def _new(self, requested_by: RequestedBy, bucket: str) -> _Joined:
        job = await self.registry.add(GetBatch(requested_by=requested_by, bucket=bucket))
        idle = State(starts=1, idle_ns=job.created_ns)
        await self.registry.save(job.xid, idle)
        return _Joined(job.xid, self.registry.revision())

    def _remember(self, key: tuple[str, str], joined: _Joined) -> None:
        if len(self._joined) >= _MOST:
            self._joined.clear()
        self._joined[key] = joined
