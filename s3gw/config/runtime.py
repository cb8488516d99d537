"""Settings that can change while the server runs, and their record.

They are the sections of the configuration themselves, with other values in them, and the properties
that new buckets get. A setting is among them when it is declared as `changeable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from s3gw.config.bucket_properties import (
    DEFAULT_PROPERTIES,
    INHERITED,
    PROPERTIES,
    BucketProperties,
    Chunks,
)
from s3gw.config.catalog import settings
from s3gw.config.schema import SECTIONS, Config, Dsort, GetBatch, Jobs, Log, Space
from s3gw.config.wire_keys import WireKey
from storage.settings import encoded

FORMAT = 1
Value = bool | int | float | str


class Record(Struct, frozen=True):
    """What was set, as it is stored. `version` counts the changes, from 1; `values` are the
    program's values by name on the wire; `updated_ns` is 0 before the first change."""

    format: int = FORMAT
    version: int = 1
    updated_ns: int = 0
    values: dict[str, Value] = {}


@dataclass(frozen=True, slots=True)
class NewBuckets:
    """Properties of a bucket from its start."""

    properties: BucketProperties = DEFAULT_PROPERTIES

    def documents(self) -> dict[str, str]:
        """Return the settings of a new bucket; empty where all is as by default."""
        if self.properties == DEFAULT_PROPERTIES:
            return {}
        return {self.properties.setting_name: encoded(self.properties)}


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """The sections that have changeable settings, with the values of this moment."""

    dsort: Dsort = field(default_factory=Dsort)
    get_batch: GetBatch = field(default_factory=GetBatch)
    jobs: Jobs = field(default_factory=Jobs)
    log: Log = field(default_factory=Log)
    space: Space = field(default_factory=Space)
    new_buckets: NewBuckets = field(default_factory=NewBuckets)


# All changeable settings by name on the wire; the root is a `RuntimeConfig`.
KEYS: Mapping[str, WireKey] = MappingProxyType(
    {
        row.name_on_wire: WireKey(row.declaration.type, (row.section, *row.name.split(".")))
        for row in settings().values()
        if row.declaration.changeable
    }
    | {
        name: WireKey(PROPERTIES[name].type, ("new_buckets", "properties", *PROPERTIES[name].place))
        for name in INHERITED
    }
)


class Settings(Protocol):
    """The changeable settings, as the front ends read them."""

    @property
    def in_force(self) -> RuntimeConfig: ...

    @property
    def record(self) -> Record:
        """What was set, without what is transient."""
        ...

    async def refresh(self) -> None:
        """Make `in_force` as fresh as it can be; microseconds when nothing changed."""
        ...


@dataclass(frozen=True, slots=True)
class StaticConfig:
    """Settings that never change, where there is no coordination store."""

    in_force: RuntimeConfig = field(default_factory=RuntimeConfig)
    record: Record = field(default_factory=Record)

    async def refresh(self) -> None:
        pass


def configured(config: Config) -> RuntimeConfig:
    """Return what file, variables and flags say."""
    sections = [item.name for item in fields(RuntimeConfig) if item.name in SECTIONS]
    new_buckets = NewBuckets(properties_of_new_buckets(config))
    return RuntimeConfig(
        **{name: getattr(config, name) for name in sections}, new_buckets=new_buckets
    )


def properties_of_new_buckets(config: Config) -> BucketProperties:
    """Return what file, variables and flags say of them."""
    chunks = config.chunks
    return BucketProperties(
        chunks=Chunks(
            chunks.objsize_limit,
            chunks.max_monolithic_size,
            chunks.chunk_size,
            chunks.checkpoint_every,
        )
    )


def with_values(config: RuntimeConfig, values: Mapping[str, object]) -> RuntimeConfig:
    """Return the configuration with other values, as their types have read them, by key."""
    for name, value in values.items():
        config = KEYS[name].replaced(config, value)
    return config
