"""Registry of jobs: register, find, stop and forget them, from any process."""

from __future__ import annotations

import logging
import secrets
import string
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from cluster.coordination import Coordination, Delete, Put
from cluster.jobs.catalog import BY_NAME, decode_job
from cluster.jobs.job import (
    COUNTED,
    JOB,
    NAMES,
    NOTHING_DONE,
    ROOT,
    STATE,
    STOP,
    UNFINISHED,
    Counted,
    Job,
    JobStatus,
    State,
    pieces_of,
)
from storage.clock import Clock, PatientClock, SystemClock
from storage.pacing import off_loop, paced

MAX_UNFINISHED = 1000
_ID_LENGTH = 12
_ID_ALPHABET = string.ascii_letters + string.digits
_FEW = 100
_NS = 1_000_000_000
_CLOCK = SystemClock()

log = logging.getLogger(__name__)

J = TypeVar("J", bound=Job)


class TooManyJobs(Exception):
    """Too many jobs wait or run already."""


class Registry:
    """One process's view of all jobs; it keeps no copy."""

    def __init__(self, coordination: Coordination, *, clock: Clock = _CLOCK) -> None:
        self.clock = clock
        self._patience = PatientClock() if clock is _CLOCK else clock
        self._coordination = coordination

    def revision(self) -> int:
        """Return the store's revision: when it differs, something in the store may have changed."""
        return self._coordination.revision()

    async def add(self, job: J, names: Sequence[str] = ()) -> J:
        """Register a job under a new id, with a list of names, if it is to have one. Raises
        `TooManyJobs`."""
        unfinished = sum(not each.is_over for each in await self.all())
        if unfinished >= MAX_UNFINISHED:
            raise TooManyJobs(f"{unfinished} jobs are waiting or running")
        job = self._identified(job)
        pieces = await off_loop(sum(map(len, names)), lambda: list(pieces_of(names)))
        if pieces:
            await self._write(_put(msgspec.structs.replace(job, pieces=UNFINISHED)))
        async for number, piece in paced(enumerate(pieces)):
            await self._write(Put(_piece_key(job.xid, number), piece))
        job = msgspec.structs.replace(job, pieces=len(pieces))
        await self._write(_put(job))
        return job

    async def add_ended(self, job: J, done: Counted = NOTHING_DONE) -> J:
        """Register a job that is over, whose work is done; there is no limit for these."""
        job = self._identified(job)
        state = done.added_to(State(starts=1, ended_ns=job.created_ns))
        await self._write(_put(job), Put(STATE + job.xid, msgspec.json.encode(state)))
        return job

    async def all(self) -> list[JobStatus]:
        """The oldest first."""
        return [each for each in await self._every() if each.job.pieces != UNFINISHED]

    async def find(self, xid: str) -> JobStatus | None:
        values: dict[str, bytes] = {}
        for key in (root + xid for root in (JOB, STATE, COUNTED, STOP)):
            entries, _ = await self._coordination.range(key)
            values |= {entry.key: entry.value for entry in entries if entry.key == key}
        found = _known(xid, values) if JOB + xid in values else None
        return None if found is None or found.job.pieces == UNFINISHED else found

    async def names(self, job: Job) -> list[str]:
        """Return the list of names that the job was registered with."""
        entries, _ = await self._coordination.range(f"{NAMES}{job.xid}/")
        pieces = [msgspec.json.decode(entry.value, type=list[str]) for entry in entries]
        return [name for piece in pieces for name in piece]

    async def stop(self, xid: str) -> None:
        """Ask a job to stop; it is over a little later."""
        await self._write(Put(STOP + xid, b""))

    async def save(self, xid: str, state: State) -> None:
        """Save the progress; only the process that runs the job does."""
        await self._write(Put(STATE + xid, msgspec.json.encode(state)))

    async def count(self, xid: str, counted: Counted) -> None:
        """Save what was done for a job whose work is done within requests, all in all; only the
        process that registered it does. Of a job that was forgotten, nothing is."""
        known, _ = await self._coordination.range(JOB + xid)
        if not known:
            return
        await self._write(Put(COUNTED + xid, msgspec.json.encode(counted)))

    async def end(self, job: Job, state: State) -> None:
        state.ended_ns = self.clock.now_ns()
        await self.save(job.xid, state)
        await self._delete([_piece_key(job.xid, number) for number in range(job.pieces)])

    async def remove(self, job: Job) -> None:
        """Forget one job that is over."""
        pieces = [_piece_key(job.xid, number) for number in range(job.pieces)]
        await self._delete([*pieces, *(root + job.xid for root in (STATE, COUNTED, STOP, JOB))])

    async def forget(self, *, older_than_s: float, beyond: int) -> None:
        """Remove jobs that ended more than `older_than_s` ago or are not among the latest `beyond`
        that ended, and those whose registration began that long ago and was never finished."""
        every = await self._every()
        before_ns = self._patience.now_ns() - int(older_than_s * _NS)
        ended = sorted((each for each in every if each.is_over), key=_end, reverse=True)
        old = [e.job for at, e in enumerate(ended) if at >= beyond or _end(e) < before_ns]
        for each in every:
            if each.job.pieces == UNFINISHED and each.job.created_ns < before_ns:
                entries, _ = await self._coordination.range(f"{NAMES}{each.job.xid}/")
                await self._delete([entry.key for entry in entries])
                old.append(each.job)
        for job in old:
            await self.remove(job)

    def _identified(self, job: J) -> J:
        xid = BY_NAME[job.kind].prefix + _new_id()
        return msgspec.structs.replace(job, xid=xid, created_ns=self.clock.now_ns())

    async def _every(self) -> list[JobStatus]:
        entries, _ = await self._coordination.range(ROOT)
        values = {entry.key: entry.value for entry in entries}
        every = (_known(key.removeprefix(JOB), values) for key in values if key.startswith(JOB))
        found = [each for each in every if each is not None]
        return sorted(found, key=lambda each: (each.job.created_ns, each.job.xid))

    async def _delete(self, keys: Sequence[str]) -> None:
        for at in range(0, len(keys), _FEW):
            await self._coordination.transact([], [Delete(key) for key in keys[at : at + _FEW]])

    async def _write(self, *writes: Put) -> None:
        await self._coordination.transact([], writes)


def _put(job: Job) -> Put:
    return Put(JOB + job.xid, msgspec.json.encode(job))


def _piece_key(xid: str, number: int) -> str:
    return f"{NAMES}{xid}/{number:06}"


def _end(known: JobStatus) -> int:
    return known.state.ended_ns


def _known(xid: str, values: dict[str, bytes]) -> JobStatus | None:
    """Return a job and its state; None for a damaged one, so that the others can still run."""
    state, counted = values.get(STATE + xid), values.get(COUNTED + xid)
    try:
        job = decode_job(values[JOB + xid])
        found = msgspec.json.decode(state, type=State) if state is not None else State()
        if counted is not None:
            found = msgspec.json.decode(counted, type=Counted).added_to(found)
    except msgspec.DecodeError as error:
        log.error("damaged job", extra={"job": xid, "error": str(error)})
        return None
    return JobStatus(job, found, STOP + xid in values)


def _new_id() -> str:
    """Return a new id that AIStore's check accepts: nine letters and digits or more."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
