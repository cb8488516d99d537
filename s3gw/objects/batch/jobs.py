"""The jobs by which AIStore's clients know of batches: to be listed, waited for and stopped.

A batch is answered within its request, by whichever process got it; its job does no work. It is
idle from the beginning, and ends as every job that idles does. The batches that one caller asks a
process for belong to one job for as long as that is not over, so that not every batch has to be
written down. One that is stopped ends the batches that still are on their way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cluster.jobs.get_batch import GetBatch
from cluster.jobs.job import State
from cluster.jobs.registry import Registry, TooManyJobs
from cluster.requested_by import RequestedBy
from s3gw.objects.batch.engine import Check, nothing_stops
from s3gw.objects.batch.errors import BatchStopped

# Callers and buckets that are remembered.
_MOST = 1000


@dataclass(slots=True)
class _Joined:
    """A job, as it stood when the store was at `revision`."""

    xid: str
    revision: int


@dataclass(slots=True)
class BatchJobs:
    """One process's jobs about batches, by who asked and the bucket."""

    registry: Registry
    _joined: dict[tuple[str, str], _Joined] = field(default_factory=dict)

    async def join(self, requested_by: RequestedBy, bucket: str) -> Check:
        """What the batch is to ask while it is on its way. Where so many jobs wait or run that no
        more are taken, it goes without one."""
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
