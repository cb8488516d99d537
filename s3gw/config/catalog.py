"""All settings by key, with their tables and other spellings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from s3gw.config.declaration import Declaration, Tables, declared, table_of
from s3gw.config.schema import SECTIONS, Config

PREFIX = "S3GW_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `section.name`, what is declared of it, and its default. The name of one in a
    table within the section has a dot."""

    section: str
    name: str
    declaration: Declaration
    default: Any

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str | None:
        if isinstance(self.declaration.type, Tables):
            return None
        return self.declaration.variable or PREFIX + self.key.replace(".", "_").upper()

    @property
    def name_on_wire(self) -> str:
        """The name in AIStore's cluster configuration, of one that is changeable."""
        return self.declaration.on_wire or self.key

    def value_in(self, config: Config) -> Any:
        return attrgetter(self.key)(config)


@cache
def settings() -> Mapping[str, Setting]:
    """Return all settings by key, in the order of their declaration."""
    rows = (
        Setting(section, name, declared(item), item.default)
        for section, row in SECTIONS.items()
        for name, item in _leaves(row)
    )
    return MappingProxyType({row.key: row for row in rows})


@cache
def tables() -> Mapping[str, type[Any]]:
    """Return the classes of all tables within sections, by key."""
    return MappingProxyType(
        {f"{section}.{name}": inner for section, row in SECTIONS.items()
         for name, inner in _inner_tables(row)}
    )  # fmt: skip


@cache
def aliases() -> Mapping[str, str]:
    """Return the keys of settings by their other spellings."""
    return MappingProxyType(
        {f"{key.rpartition('.')[0]}.{alias}": key
         for key, row in settings().items() for alias in row.declaration.aliases}
    )  # fmt: skip


def keys_in(table: str) -> list[str]:
    """Return the names that a table of the file may have."""
    known = (*settings(), *tables())
    return sorted(key.rpartition(".")[2] for key in known if key.rpartition(".")[0] == table)


def _leaves(row: type[Any], prefix: str = "") -> Iterator[tuple[str, Field[Any]]]:
    for item in fields(row):
        inner = table_of(item)
        if inner is None:
            yield prefix + item.name, item
        else:
            yield from _leaves(inner, f"{prefix}{item.name}.")


def _inner_tables(row: type[Any], prefix: str = "") -> Iterator[tuple[str, type[Any]]]:
    for item in fields(row):
        inner = table_of(item)
        if inner is not None:
            yield prefix + item.name, inner
            yield from _inner_tables(inner, f"{prefix}{item.name}.")
