"""How a setting is declared: what it is for, what it may be, and by which flag it is given.

A setting is a dataclass field made by `option`. Reading, `--help`, the error messages and
docs/configuration.md all come from what is declared there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

_SWITCH = {"true": True, "1": True, "yes": True, "on": True} | {
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,15}) ?([KMGT]?)(?:iB|B)?")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)"
_DURATION = re.compile(rf"(?:{_PART})+")


class Kind(Protocol):
    """What a value may be. `ValueError` says that it is not that; `allowed` says what is."""

    @property
    def allowed(self) -> str: ...

    def from_text(self, text: str) -> object:
        """What a flag or a variable says, as TOML would have given it."""
        ...

    def read(self, value: object) -> object:
        """The value as the program wants it, from what TOML gives."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    allowed: str = "a text"
    pattern: str = r".+"

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> str:
        if not isinstance(value, str) or not self.matches(value):
            raise ValueError
        return value

    def matches(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None


@dataclass(frozen=True, slots=True)
class Whole:
    low: int
    high: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def from_text(self, text: str) -> object:
        return int(text)

    def read(self, value: object) -> int:
        if type(value) is not int or not self.low <= value <= self.high:
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class Seconds:
    low: float
    high: float

    @property
    def allowed(self) -> str:
        return f"a number of seconds from {self.low:g} to {self.high:g}"

    def from_text(self, text: str) -> object:
        return float(text)

    def read(self, value: object) -> float:
        if type(value) not in (int, float) or not self.low <= float(str(value)) <= self.high:
            raise ValueError
        return float(str(value))


@dataclass(frozen=True, slots=True)
class Duration:
    """A time as AIStore writes it, `1h30m`; seconds in the program. `or_zero` allows 0 below the
    least one."""

    low: float
    high: float
    or_zero: bool = False

    @property
    def allowed(self) -> str:
        also = "0, or " if self.or_zero else ""
        low, high = show_duration(self.low), show_duration(self.high)
        return f"{also}a time from {low} to {high}, like 90s or 1h30m, or a number of seconds"

    def from_text(self, text: str) -> object:
        try:
            return float(text)
        except ValueError:
            return text

    def read(self, value: object) -> float:
        if type(value) is str:
            value = _read_duration(value)
        if type(value) not in (int, float):
            raise ValueError
        seconds = float(str(value))
        if not (self.low <= seconds <= self.high or (self.or_zero and seconds == 0)):
            raise ValueError
        return seconds


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        return f"bytes from {show_size(self.low)} to {show_size(self.high)}, like 512KiB or 10GiB"

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> int:
        if type(value) is str and (match := _SIZE.fullmatch(value)):
            value = int(match[1]) * _UNITS[match[2]]
        if type(value) is not int or not self.low <= value <= self.high:
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class Switch:
    allowed: str = "true or false"

    def from_text(self, text: str) -> object:
        return _SWITCH.get(text.lower(), text)

    def read(self, value: object) -> bool:
        if type(value) is not bool:
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return " or ".join(", ".join(self.words).rsplit(", ", 1))

    def from_text(self, text: str) -> object:
        return text

    def read(self, value: object) -> str:
        if type(value) is not str or value not in self.words:
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class Texts:
    """A list; one variable holds them with commas between."""

    allowed: str
    item: Text = Text()

    def from_text(self, text: str) -> object:
        return [part.strip() for part in text.split(",") if part.strip()]

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError
        return tuple(self.item.read(each) for each in value)


@dataclass(frozen=True, slots=True)
class Tables:
    """A list of TOML tables, each read as `row`; only a file can hold them."""

    row: type[Any]
    allowed: str = "a list of tables in the file"

    def from_text(self, text: str) -> object:
        raise ValueError

    def read(self, value: object) -> object:
        raise NotImplementedError("the loader reads rows itself, to name the key in each error")


@dataclass(frozen=True, slots=True)
class Table:
    """A table within a section, `[section.name]`: each field of `row` is a setting of its own,
    `section.name.field`. The field that has this kind is never read itself."""

    row: type[Any]
    allowed: str = "a table in the file"

    def from_text(self, text: str) -> object:
        raise ValueError

    def read(self, value: object) -> object:
        raise NotImplementedError("the loader reads the settings of the table")


@dataclass(frozen=True, slots=True)
class Option:
    """What there is to know of a setting besides its name and its default.

    `aliases` are other spellings that a file may use: a bare name stands beside the setting's own,
    one with dots is a whole key.
    """

    doc: str
    kind: Kind
    flag: str | None = None
    metavar: str | None = None
    flag_value: str | None = None
    flag_doc: str | None = None
    env: str | None = None
    secret: bool = False
    shown_default: str | None = None
    aliases: tuple[str, ...] = ()


def option(default: Any, doc: str, kind: Kind, **more: Any) -> Any:
    """A dataclass field that is a setting; `more` are the other fields of `Option`."""
    return field(default=default, metadata={"option": Option(doc, kind, **more)})


def required(doc: str, kind: Kind, **more: Any) -> Any:
    """As `option`, in a row that does not make sense without it."""
    return field(metadata={"option": Option(doc, kind, **more)})


def table(row: type[Any], doc: str, **more: Any) -> Mapping[str, Option]:
    """The metadata of a dataclass field that is a table of settings, each with a default."""
    return {"option": Option(doc, Table(row), **more)}


def show_size(count: int) -> str:
    for unit in ("T", "G", "M", "K"):
        if count and count % _UNITS[unit] == 0:
            return f"{count // _UNITS[unit]}{unit}iB"
    return str(count)


def show_duration(seconds: float) -> str:
    for unit in ("h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:g}{unit}"
    return f"{seconds:g}s" if seconds else "0"


def _read_duration(text: str) -> float:
    if text == "0":
        return 0.0
    if not _DURATION.fullmatch(text):
        raise ValueError
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text))
