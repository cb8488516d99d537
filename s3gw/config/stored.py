"""The cluster's configuration in the coordination store, and this process' copy of it.

/cluster/config             what was set, until it is reset
/cluster/config/transient   what was set until the next start of the server, which removes it

Each process compares the store's revision before it uses its copy, in microseconds, and once a
second for what holds without being read, such as the level of the log. A change compares the record
that it started from, so that two administrators never undo one another's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from cluster.coordination import Coordination, Delete, Put, Unchanged
from cluster.maintenance import repeat, until
from s3gw.config.coordination import with_coordination
from s3gw.config.runtime import (
    FORMAT,
    KEYS,
    Record,
    RuntimeConfig,
    Value,
    configured,
    with_values,
)
from s3gw.config.schema import Config
from storage.clock import Clock, SystemClock

log = logging.getLogger(__name__)

RECORD = "/cluster/config"
TRANSIENT = "/cluster/config/transient"
FOLLOW_S = 1.0
_ATTEMPTS = 100
_CLOCK = SystemClock()

T = TypeVar("T")
Values = Mapping[str, object]
# Raises when what would be in force is not allowed.
Check = Callable[[RuntimeConfig], None]


class Busy(Exception):
    """Other processes change the configuration at the same time."""


class StoredSettings:
    """`Settings` for one event loop; `refresh` them first."""

    def __init__(
        self, coordination: Coordination, base: RuntimeConfig, *, clock: Clock = _CLOCK
    ) -> None:
        self._coordination = coordination
        self._base = base
        self._clock = clock
        self._revision = -1
        self._catching_up = asyncio.Lock()
        self._records: dict[str, tuple[Record, int]] = {}
        self._listeners: list[Callable[[RuntimeConfig], None]] = []
        self.in_force = base

    @property
    def record(self) -> Record:
        """What was set, without what is transient."""
        return self._records.get(RECORD, (Record(), 0))[0]

    def on_change(self, listener: Callable[[RuntimeConfig], None]) -> None:
        """Call the listener with what is in force now, and again after every change."""
        self._listeners.append(listener)
        listener(self.in_force)

    async def refresh(self) -> None:
        if self._coordination.revision() != self._revision:
            await self._catch_up()

    async def follow(self) -> float:
        """Refresh, and return in how many seconds to do it again."""
        await self.refresh()
        return FOLLOW_S

    async def change(self, values: Values, check: Check, *, transient: bool = False) -> None:
        """Set some of `KEYS`, to values that their types have read. Raise what `check` raises, and
        `Busy`."""

        def edit(kept: Values, passing: Values) -> tuple[Values, Values]:
            if transient:
                return kept, {**passing, **values}
            left = {name: value for name, value in passing.items() if name not in values}
            return {**kept, **values}, left

        await self._edit(edit, check)

    async def reset(self) -> None:
        """Forget all that was set. Raise `Busy`."""
        await self._edit(lambda kept, passing: ({}, {}), lambda _: None)

    async def _edit(
        self, edit: Callable[[Values, Values], tuple[Values, Values]], check: Check
    ) -> None:
        for _ in range(_ATTEMPTS):
            await self.refresh()
            (record, seen), (passing, seen_passing) = self._of(RECORD), self._of(TRANSIENT)
            kept, left = edit(record.values, passing.values)
            check(with_values(self._base, {**kept, **left}))
            unchanged = [Unchanged(RECORD, seen), Unchanged(TRANSIENT, seen_passing)]
            writes = [*self._writes(record, kept), *self._passing_writes(passing, left)]
            if await self._coordination.transact(unchanged, writes) is not None:
                await self.refresh()
                return
        raise Busy("Others change the configuration at the same time: try again.")

    def _writes(self, record: Record, values: Values) -> list[Put | Delete]:
        if values == record.values:
            return []
        version, now_ns = record.version + 1, self._clock.now_ns()
        made = msgspec.convert({"version": version, "updated_ns": now_ns, "values": values}, Record)
        return [Put(RECORD, msgspec.json.encode(made))]

    def _passing_writes(self, record: Record, values: Values) -> list[Put | Delete]:
        if values == record.values:
            return []
        if not values:
            return [Delete(TRANSIENT)]
        made = msgspec.convert({"values": values}, Record)
        return [Put(TRANSIENT, msgspec.json.encode(made))]

    def _of(self, key: str) -> tuple[Record, int]:
        return self._records.get(key, (Record(), 0))

    async def _catch_up(self) -> None:
        async with self._catching_up:
            entries, revision = await self._coordination.range(RECORD)
            self._records = {
                each.key: (_read(each.key, each.value), each.mod_revision) for each in entries
            }
            self._revision = revision
            before = self.in_force
            values = {**self._of(RECORD)[0].values, **self._of(TRANSIENT)[0].values}
            self.in_force = with_values(self._base, values)
            if self.in_force != before:
                log.info("configuration changed", extra={"version": self.record.version})
                for listener in self._listeners:
                    listener(self.in_force)


@asynccontextmanager
async def open_settings(
    config: Config, coordination: Coordination
) -> AsyncIterator[StoredSettings]:
    """Open the settings; they are refreshed while they are open."""
    settings = StoredSettings(coordination, configured(config))
    await settings.refresh()
    following = asyncio.create_task(repeat(settings.follow, FOLLOW_S, until(asyncio.Event())))
    try:
        yield settings
    finally:
        following.cancel()
        await asyncio.wait([following])


def forget_transient(config: Config) -> None:
    """Remove what was set until the next start: the supervisor calls it before any child starts."""
    with_coordination(config, _forget_transient)


async def _forget_transient(coordination: Coordination) -> None:
    await coordination.transact([], [Delete(TRANSIENT)])


def _read(key: str, text: bytes) -> Record:
    """Return what can be used of a record: a value that another version of the program wrote, and
    that is not allowed here, is left out."""
    try:
        record = msgspec.json.decode(text, type=Record)
    except msgspec.DecodeError as error:
        log.error("configuration cannot be read", extra={"key": key, "error": str(error)})
        return Record()
    if record.format != FORMAT:
        log.error("configuration is of another s3gw", extra={"key": key, "format": record.format})
        return Record(version=record.version)
    values = dict(_usable(record.values))
    return msgspec.structs.replace(record, values=values)


def _usable(values: Mapping[str, Value]) -> list[tuple[str, Value]]:
    good = []
    for name, value in values.items():
        try:
            KEYS[name].type.from_wire(value)
            good.append((name, value))
        except (KeyError, ValueError):
            log.error("setting passed over", extra={"setting": name, "value": value})
    return good
