"""Orders of administrators: transformers are started, shown, stopped and removed."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Callable, Sequence
from hmac import compare_digest
from pathlib import Path

from msgspec import Struct

from cluster.jobs.etl_inline import EtlInline
from cluster.jobs.job import State
from cluster.jobs.registry import Registry
from cluster.requested_by import RequestedBy
from s3gw.config.etl import Etl
from s3gw.etl.errors import BadMessage, NoSuchEtl, NotStarted
from s3gw.etl.message import InitMessage, check_name
from s3gw.etl.places import read_logs
from s3gw.etl.records import Counts, EtlRecords, Instance, ObjectError, Record, Stage
from s3gw.etl.runtime import check_runnable
from s3gw.etl.transforming import Transforming

_LOOK_S = 0.02
# Beyond `init_timeout`: how long the keeper may take to write down what has become of it.
_KEEPER_S = 10.0
_SECRET_LENGTH = 32
_ALPHABET = string.ascii_letters + string.digits


class Shown(Struct, frozen=True):
    record: Record
    stage: Stage
    counts: Counts


class EtlService(Struct, frozen=True):
    """`target` is the id of this machine's target, `folder` where the logs are."""

    records: EtlRecords
    jobs: Registry
    settings: Etl
    transforming: Transforming
    target: str
    folder: Path

    async def init(self, message: InitMessage, by: RequestedBy, targets: Sequence[str]) -> str:
        """Start a new transformer on the machines of these targets; return the id of its job, when
        it runs on all of them. Raise `EtlError`, and `TooManyJobs`."""
        check_runnable(message, self.settings)
        await self.records.refresh()
        record = await self._began(message, by)
        try:
            await self.records.add(record)
        except BaseException:
            await self._end_job(record)
            raise
        return await self._ready(record, targets)

    async def start(self, name: str, by: RequestedBy, targets: Sequence[str]) -> str:
        """Start one that was stopped. Raise `EtlError`, and `TooManyJobs`."""
        old = await self.find(name)
        if (stage := self.records.stage(old, targets)) is not Stage.ABORTED:
            raise BadMessage(f"can't start etl job {name} during {stage.value} stage")
        check_runnable(old.message, self.settings)
        new = await self._began(old.message, by)
        changes = {"xid": new.xid, "secret": new.secret, "wanted": True, "error": ""}
        if await self.records.change(old, **changes) is None:
            await self._end_job(new)
            raise BadMessage(f"etl job {name} is being changed by another request: try again")
        await self.records.forget(old.xid)
        return await self._ready(new, targets)

    async def stop(self, name: str) -> None:
        """Stop one; its order is kept. Raise `EtlError`."""
        record = await self.find(name)
        await self.records.end(record)
        await self._end_job(record)

    async def remove(self, name: str) -> None:
        """Stop and forget one. Raise `EtlError`."""
        record = await self.find(name)
        await self.stop(name)
        await self.records.remove(record)

    async def find(self, name: str) -> Record:
        """Raise `BadMessage` for what cannot be a name, and `NoSuchEtl`."""
        check_name(name)
        return await self.records.find(name)

    async def list(self, targets: Sequence[str]) -> list[Shown]:
        """Return all, by name."""
        await self.records.refresh()
        every = sorted(self.records.records.items())
        return [
            Shown(each, self.records.stage(each, targets), await self.records.counts(each.xid))
            for _, each in every
        ]

    async def errors(
        self, record: Record, job: str, cname_of: Callable[[str], Callable[[str], str]]
    ) -> Sequence[ObjectError]:
        """Return objects that were not transformed: by one job, or without one by requests."""
        if not job:
            return (await self.records.counts(record.xid)).errors
        known = await self.jobs.find(job)
        if known is None:
            raise NoSuchEtl(f"etl job {record.name}: there is no job {job[:64]}")
        names = cname_of(known.job.bucket)
        failed = known.state.objects_failed
        return [ObjectError(names(each.name), each.text, each.status) for each in failed]

    def instance(self, record: Record) -> Instance:
        """Return what became of it on this machine."""
        return self.records.instance(record, self.target)

    async def logs(self, record: Record) -> bytes:
        """Return what is kept of its output on this machine."""
        said = await asyncio.to_thread(read_logs, self.folder, record.name)
        # Programs log the requests that they send.
        return said.replace(record.secret.encode(), b"********")

    async def require_secret(self, name: str, secret: str) -> None:
        """Raise `NoSuchEtl` unless the secret is the one that a running transformer was given."""
        await self.records.refresh()
        record = self.records.records.get(name)
        known = record.secret if record is not None and record.wanted else ""
        if not known or not compare_digest(known.encode(), secret.encode()):
            raise NoSuchEtl("etl job with this secret does not run")

    async def _began(self, message: InitMessage, by: RequestedBy) -> Record:
        """Return the record of a new start, whose job is registered."""
        job = await self.jobs.add(EtlInline(requested_by=by, etl=message.name))
        await self.jobs.save(job.xid, State(starts=1, idle_ns=job.created_ns))
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
        return Record(message, job.xid, secret)

    async def _ready(self, record: Record, targets: Sequence[str]) -> str:
        """Wait until it runs on all machines. Raise `NotStarted`; then it is stopped."""
        try:
            async with asyncio.timeout(record.message.init_s + _KEEPER_S):
                await self._running(record, targets)
        except TimeoutError:
            why = f"it did not start within {record.message.init_s:g} s"
        except NotStarted as error:
            why = error.message
        else:
            return record.xid
        await self.records.end(record, why)
        await self._end_job(record, why)
        raise NotStarted(f"etl job {record.name} could not be started: {why}")

    async def _running(self, record: Record, targets: Sequence[str]) -> None:
        while True:
            await self.records.refresh()
            now = self.records.records.get(record.name)
            if now is None or now.xid != record.xid or not now.wanted:
                raise NotStarted("it was stopped meanwhile")
            every = [self.records.instance(record, target) for target in targets]
            if failed := next((each for each in every if each.failed), None):
                raise NotStarted(failed.error)
            if all(each.ready for each in every):
                return
            await asyncio.sleep(_LOOK_S)

    async def _end_job(self, record: Record, error: str = "") -> None:
        known = await self.jobs.find(record.xid)
        if known is None or known.is_over:
            return
        known.state.aborted, known.state.abort_error = bool(error), error
        await self.jobs.end(known.job, known.state)
