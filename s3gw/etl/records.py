"""Transformers in the coordination store, and this process' copy of them.

    /etl/record/<name>              what an administrator ordered
    /etl/instance/<xid>/<target>    what became of it on one machine, by its keeper
    /etl/counted/<xid>/<process>    what one process sent through it

Each start has a new id (`xid`) and a new secret, so what an older start left is never taken for
the new one's. Each process compares the store's revision before it uses its copy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cluster.coordination import Coordination, Delete, Put, Unchanged
from s3gw.etl.errors import EtlExists, NoSuchEtl
from s3gw.etl.message import InitMessage

log = logging.getLogger(__name__)

RECORD = "/etl/record/"
INSTANCE = "/etl/instance/"
COUNTED = "/etl/counted/"
MOST_ERRORS = 128
_FEW = 100

T = TypeVar("T")


class Stage(Enum):
    INITIALIZING = "Initializing"
    RUNNING = "Running"
    ABORTED = "Aborted"


class Record(Struct, frozen=True):
    """`wanted`: it is to run. `error` is why it was given up; `secret` opens objects for it."""

    message: InitMessage
    xid: str = ""
    secret: str = ""
    wanted: bool = True
    error: str = ""

    @property
    def name(self) -> str:
        return self.message.name


class Instance(Struct, frozen=True):
    """A transformer of one machine. It answers at `url` when it is `ready`; when it has `failed`,
    its keeper has given up. `pid` is 0 for one that others run."""

    url: str = ""
    ready: bool = False
    failed: bool = False
    error: str = ""
    starts: int = 0
    pid: int = 0


class ObjectError(Struct, frozen=True):
    """One object that was not transformed."""

    obj_name: str
    msg: str
    ecode: int


class Counts(Struct, frozen=True):
    """Objects that were transformed, their bytes, the bytes of the results, and the first
    errors."""

    objects: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    errors: tuple[ObjectError, ...] = ()

    def plus(self, other: Counts) -> Counts:
        errors = (*self.errors, *other.errors)[:MOST_ERRORS]
        return Counts(
            self.objects + other.objects,
            self.bytes_in + other.bytes_in,
            self.bytes_out + other.bytes_out,
            errors,
        )


NOTHING = Instance()


class EtlRecords:
    """For one event loop; `refresh` before `records` and `instances` are read. `instances` are by
    xid and target."""

    def __init__(self, coordination: Coordination) -> None:
        self._coordination = coordination
        self._revision = -1
        self._catching_up = asyncio.Lock()
        self._seen: Mapping[str, int] = {}
        self.records: Mapping[str, Record] = {}
        self.instances: Mapping[tuple[str, str], Instance] = {}

    @property
    def revision(self) -> int:
        """The store's revision: when it differs, something may have changed."""
        return self._coordination.revision()

    async def refresh(self) -> None:
        if self._coordination.revision() == self._revision:
            return
        async with self._catching_up:
            entries, revision = await self._coordination.range(RECORD)
            records = {each.key.removeprefix(RECORD): each for each in entries}
            self._seen = {name: each.mod_revision for name, each in records.items()}
            self.records = {
                name: record
                for name, each in records.items()
                if (record := _decoded(each.value, Record)) is not None
            }
            self.instances = await self._instances() if self.records else {}
            self._revision = revision

    async def find(self, name: str) -> Record:
        """Raise `NoSuchEtl`."""
        await self.refresh()
        record = self.records.get(name)
        if record is None:
            raise NoSuchEtl(f'etl job "{name[:64]}" does not exist')
        return record

    def instance(self, record: Record, target: str) -> Instance:
        """Return what became of it on the machine with that target; as of the last refresh."""
        return self.instances.get((record.xid, target), NOTHING)

    def stage(self, record: Record, targets: Sequence[str]) -> Stage:
        """Return the stage on all of these machines together."""
        if not record.wanted:
            return Stage.ABORTED
        every = [self.instance(record, target) for target in targets]
        if any(each.failed for each in every):
            return Stage.ABORTED
        # One that is started again was running.
        running = all(each.ready or each.starts > 1 for each in every)
        return Stage.RUNNING if running else Stage.INITIALIZING

    async def add(self, record: Record) -> None:
        """Raise `EtlExists`."""
        put = Put(RECORD + record.name, msgspec.json.encode(record))
        unchanged = [Unchanged(put.key, 0)]
        if await self._coordination.transact(unchanged, [put]) is None:
            raise EtlExists(f"etl job {record.name} already exists")

    async def change(self, record: Record, **changes: object) -> Record | None:
        """Write changes to a record that was read in the last refresh; None when it has changed
        meanwhile."""
        changed = replace(record, **changes)
        key = RECORD + record.name
        unchanged = [Unchanged(key, self._seen.get(record.name, 0))]
        write = Put(key, msgspec.json.encode(changed))
        done = await self._coordination.transact(unchanged, [write])
        return None if done is None else changed

    async def end(self, record: Record, error: str = "") -> None:
        """Have it run no more, unless it was changed since this start."""
        while True:
            await self.refresh()
            now = self.records.get(record.name)
            if now is None or now.xid != record.xid or not now.wanted:
                return
            if await self.change(now, wanted=False, error=error) is not None:
                return

    async def remove(self, record: Record) -> None:
        """Forget it, with its counts."""
        await self._coordination.transact([], [Delete(RECORD + record.name)])
        await self.forget(record.xid)

    async def forget(self, xid: str) -> None:
        """Forget what became of one start."""
        for root in (INSTANCE, COUNTED):
            entries, _ = await self._coordination.range(f"{root}{xid}/")
            keys = [each.key for each in entries]
            for at in range(0, len(keys), _FEW):
                deletions = [Delete(key) for key in keys[at : at + _FEW]]
                await self._coordination.transact([], deletions)

    async def note(self, xid: str, target: str, instance: Instance) -> None:
        """Write down what became of it here; only the machine's keeper does."""
        key = f"{INSTANCE}{xid}/{target}"
        await self._coordination.transact([], [Put(key, msgspec.json.encode(instance))])

    async def count(self, xid: str, process: str, counts: Counts) -> None:
        """Write down all that one process sent through it; only that process does."""
        key = f"{COUNTED}{xid}/{process}"
        await self._coordination.transact([], [Put(key, msgspec.json.encode(counts))])

    async def counts(self, xid: str) -> Counts:
        """Return what all processes sent through it."""
        entries, _ = await self._coordination.range(f"{COUNTED}{xid}/")
        total = Counts()
        for each in entries:
            total = total.plus(_decoded(each.value, Counts) or Counts())
        return total

    async def _instances(self) -> dict[tuple[str, str], Instance]:
        entries, _ = await self._coordination.range(INSTANCE)
        found: dict[tuple[str, str], Instance] = {}
        for each in entries:
            xid, _, target = each.key.removeprefix(INSTANCE).partition("/")
            found[xid, target] = _decoded(each.value, Instance) or NOTHING
        return found


def _decoded(text: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        log.error("damaged record of a transformer", extra={"error": str(error)})
        return None
