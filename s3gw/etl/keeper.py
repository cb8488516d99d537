"""Keeper of this machine's transformers: makes what runs equal to what is ordered.

It is in the maintenance process of each machine. A transformer that ends is started again, after
pauses that grow; one that never answers, or ends again and again, is given up. None outlives the
keeper: each has a guard, with a pipe from the keeper.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic

from msgspec import Struct

from cluster.jobs.job import Counted
from cluster.jobs.registry import Registry
from cluster.maintenance import StoppedWithin
from s3gw.config.etl import Etl
from s3gw.etl.errors import EtlError
from s3gw.etl.places import keep_logs, log_file
from s3gw.etl.process import Process, start
from s3gw.etl.records import EtlRecords, Instance, Record
from s3gw.etl.scratch import Scratch
from s3gw.etl.sessions import Sessions
from storage.errors import StorageError

log = logging.getLogger(__name__)

LOOK_S = 0.05
_HEALTH_S = 0.05
_WATCH_S = 5.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 30.0
# One that ran for so long has not failed.
_STEADY_S = 60.0
_MOST_FAILURES = 8
# In place of the secret, where a transformer has said it.
_HIDDEN = "********"


class Machine(Struct, frozen=True):
    """This machine: its target's id, where the logs are, the URL of its server and the file of the
    certificate of that, empty for plain http."""

    target: str
    folder: Path
    scratch: Scratch
    url: str
    authority: str = ""


class Keeper:
    """For one event loop."""

    def __init__(
        self,
        records: EtlRecords,
        jobs: Registry,
        settings: Etl,
        machine: Machine,
        sessions: Sessions,
    ) -> None:
        self._records = records
        self._jobs = jobs
        self._settings = settings
        self._machine = machine
        self._sessions = sessions
        self._tended: dict[str, asyncio.Task[None]] = {}
        self._lost: set[str] = set()
        self._seen = -1

    async def run(self, stopped_within: StoppedWithin) -> None:
        """Keep them until it is time to stop; then end all of them."""
        self._machine.folder.mkdir(mode=0o700, exist_ok=True)
        try:
            self._machine.scratch.clear()
        except (EtlError, OSError) as error:
            log.error("cannot remove temporary files", extra={"error": str(error)})
        try:
            while True:
                try:
                    await self._look()
                except StorageError as error:
                    log.error("cannot look after transformers", extra={"error": repr(error)})
                if await stopped_within(LOOK_S):
                    return
        finally:
            await _end(self._tended.values())

    async def _look(self) -> None:
        """Start and end what is due; most of the time there is nothing to do."""
        await self._give_up_lost()
        revision = self._records.revision
        if revision == self._seen:
            return
        await self._records.refresh()
        for record in self._records.records.values():
            if record.wanted:
                await self._follow_job(record)
        wanted = {each.xid: each for each in self._records.records.values() if each.wanted}
        gone = [xid for xid in self._tended if xid not in wanted]
        await _end([self._tended.pop(xid) for xid in gone])
        await asyncio.to_thread(keep_logs, self._machine.folder, set(self._records.records))
        for xid, record in wanted.items():
            if xid not in self._tended:
                self._tended[xid] = asyncio.create_task(self._tend(record))
        self._seen = revision

    async def _follow_job(self, record: Record) -> None:
        """Have the job show what was transformed; one that a user has stopped ends the
        transformer."""
        known = await self._jobs.find(record.xid)
        if known is None:
            return
        if known.stopping or known.is_over:
            await self._records.end(record, "its job was stopped")
            return
        counts = await self._records.counts(record.xid)
        if counts.objects > known.state.objects:
            now_ns = self._jobs.clock.now_ns()
            counted = Counted(counts.objects, counts.bytes_out, now_ns)
            await self._jobs.count(record.xid, counted)

    async def _give_up_lost(self) -> None:
        """Give up those whose task failed: that is a bug, or there is no room on the disk."""
        for xid, task in self._tended.items():
            if not task.done() or xid in self._lost or (error := task.exception()) is None:
                continue
            self._lost.add(xid)
            log.error("transformer lost", exc_info=error, extra={"job": xid})
            why = f"internal error: {type(error).__name__}"
            lost = Instance(failed=True, error=why)
            await self._records.note(xid, self._machine.target, lost)

    async def _tend(self, record: Record) -> None:
        starts, failures, was_ready = 0, 0, False
        # What an older keeper has noted is no longer so.
        await self._note(record, Instance())
        while True:
            starts += 1
            began = monotonic()
            ready = asyncio.Event()
            try:
                why = await self._run(record, starts, ready.set)
            except EtlError as error:
                why = error.message
            was_ready = was_ready or ready.is_set()
            failures = 1 if monotonic() - began >= _STEADY_S else failures + 1
            given_up = not was_ready or failures > _MOST_FAILURES
            fields = {"etl": record.name, "error": why, "starts": starts, "given_up": given_up}
            log.warning("transformer ended", extra=fields)
            ended = Instance(failed=given_up, error=why, starts=starts + 1)
            await self._note(record, ended)
            if given_up:
                return
            await asyncio.sleep(min(_FIRST_PAUSE_S * 2 ** (failures - 1), _LONGEST_PAUSE_S))

    async def _run(self, record: Record, starts: int, ready: Callable[[], None]) -> str:
        """Run it once, and return why it ended. Raise `EtlError`."""
        if record.message.runtime.url:
            return await self._watch_other(record, starts, ready)
        machine = self._machine
        url = f"{machine.url}/v1/etl-objects/{record.name}/{record.secret}"
        file = log_file(machine.folder, record.name)
        process = await start(
            record.message, self._settings, machine.scratch, url, machine.authority, file
        )
        try:
            why = await self._watch(record, process, starts, ready)
            return why.replace(record.secret, _HIDDEN)
        finally:
            await asyncio.shield(process.stop())

    async def _watch(
        self, record: Record, process: Process, starts: int, ready: Callable[[], None]
    ) -> str:
        """Wait until it answers, and then until it ends. Raise `EtlError`."""
        ended = asyncio.create_task(process.ended())
        try:
            deadline = monotonic() + record.message.init_s
            while problem := await self._sessions.problem(process.url, named=False):
                if ended.done():
                    return ended.result()
                if monotonic() >= deadline:
                    return f"it was not healthy within {record.message.init_s:g} s: {problem}"
                await asyncio.wait([ended], timeout=_HEALTH_S)
            ready()
            await self._note(record, Instance(process.url, True, False, "", starts, process.pid))
            log.info("transformer runs", extra={"etl": record.name, "port": process.port})
            return await ended
        finally:
            ended.cancel()

    async def _watch_other(self, record: Record, starts: int, ready: Callable[[], None]) -> str:
        """Watch a transformer that others run; return when it does not answer."""
        url = record.message.runtime.url.rstrip("/")
        deadline = monotonic() + record.message.init_s
        while problem := await self._sessions.problem(url, named=True):
            if monotonic() >= deadline:
                return problem
            await asyncio.sleep(_HEALTH_S)
        ready()
        await self._note(record, Instance(url, True, False, "", starts))
        while True:
            if problem := await self._sessions.problem(url, named=True):
                return problem
            await asyncio.sleep(_WATCH_S)

    async def _note(self, record: Record, instance: Instance) -> None:
        await self._records.note(record.xid, self._machine.target, instance)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    every = list(tasks)
    for task in every:
        task.cancel()
    if every:
        await asyncio.wait(every)
