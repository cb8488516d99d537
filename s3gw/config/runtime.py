"""What holds now of the settings that can change, and what each of them may be.

`InForce` are the sections of the configuration themselves, with other values in them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from s3gw.config.aistore_types import Flag, LogLevel, Number, Time, ValueKind, Wire
from s3gw.config.bucket_properties import DEFAULT_PROPERTIES, PROPERTIES, BucketProperties
from s3gw.config.get_batch import GetBatch
from s3gw.config.jobs import Jobs
from s3gw.config.record import Record
from s3gw.config.schema import Config, Log
from storage.settings import encoded
from storage.values import Versioning


@dataclass(frozen=True, slots=True)
class NewBuckets:
    """What a bucket begins with, whoever makes it; `versioning` is of those that are made by the
    native API, because S3 clients count on buckets without."""

    properties: BucketProperties = DEFAULT_PROPERTIES
    versioning: bool = False

    @property
    def state(self) -> Versioning:
        return Versioning.ENABLED if self.versioning else Versioning.NEVER

    def documents(self) -> dict[str, str]:
        """Settings for a new bucket; none where they would say what holds without them."""
        if self.properties == DEFAULT_PROPERTIES:
            return {}
        return {self.properties.setting_name: encoded(self.properties)}


@dataclass(frozen=True, slots=True)
class InForce:
    get_batch: GetBatch = field(default_factory=GetBatch)
    jobs: Jobs = field(default_factory=Jobs)
    log: Log = field(default_factory=Log)
    new_buckets: NewBuckets = field(default_factory=NewBuckets)


@dataclass(frozen=True, slots=True)
class Key:
    """A setting under its name on the wire; `place` leads to it in `InForce`."""

    kind: ValueKind
    place: tuple[str, ...]

    def shown(self, in_force: InForce) -> Wire:
        value: Any = in_force
        for name in self.place:
            value = getattr(value, name)
        return self.kind.show(value)


# What a bucket cannot inherit, because it is a remark about that one.
_OF_ONE_BUCKET = "extra.custom"

KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "get_batch.max_wait": Key(Time(1, 60), ("get_batch", "max_wait_s")),
        "get_batch.warmup_workers": Key(Number(-1, 10), ("get_batch", "warmup_workers")),
        "get_batch.max_soft_errs": Key(Number(0, 100_000), ("get_batch", "max_soft_errs")),
        "jobs.at_once": Key(Number(1, 64), ("jobs", "at_once")),
        "jobs.idle_time": Key(Time(0, 86400), ("jobs", "idle_s")),
        "jobs.kept": Key(Number(1, 10_000), ("jobs", "kept")),
        "jobs.kept_time": Key(Time(60, 30 * 86400), ("jobs", "kept_s")),
        "log.level": Key(LogLevel(), ("log", "level")),
        "versioning.enabled": Key(Flag(), ("new_buckets", "versioning")),
    }
    | {
        name: Key(each.kind, ("new_buckets", "properties", *each.place))
        for name, each in PROPERTIES.items()
        if name != _OF_ONE_BUCKET
    }
)


class Settings(Protocol):
    """What the front ends ask of it."""

    @property
    def in_force(self) -> InForce: ...

    @property
    def record(self) -> Record:
        """What was set, but for what is transient."""
        ...

    async def refresh(self) -> None:
        """Make what is in force as fresh as it can be; microseconds when nothing changed."""
        ...


@dataclass(frozen=True, slots=True)
class Unchanging:
    """Settings where there is no coordination store."""

    in_force: InForce = field(default_factory=InForce)
    record: Record = field(default_factory=Record)

    async def refresh(self) -> None:
        pass


def configured(config: Config) -> InForce:
    """What file, variables and flags say."""
    return InForce(config.get_batch, config.jobs, config.log)


def with_values(in_force: InForce, values: Mapping[str, object]) -> InForce:
    """Other values, as their kinds have read them, by the names of `KEYS`."""
    for name, value in values.items():
        in_force = _replaced(in_force, KEYS[name].place, value)
    return in_force


def _replaced(thing: Any, place: tuple[str, ...], value: object) -> Any:
    first, *others = place
    if others:
        value = _replaced(getattr(thing, first), tuple(others), value)
    replace = msgspec.structs.replace if isinstance(thing, msgspec.Struct) else dataclasses.replace
    return replace(thing, **{first: value})
