"""Types of settings: allowed values, and their forms.

A value comes from a file (as TOML has it), from a flag or a variable (as text), or from a client of
the native API, as AIStore writes it: sizes are texts like `1GiB`, times texts like `1h30m`, and
numbers and switches may be texts too, because they come in queries. One object knows all of these
forms, so that a bound is written once.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

# What AIStore's JSON has for a value.
Wire = str | int | bool
Schema = Mapping[str, object]

_SWITCH = {"true": True, "1": True, "yes": True, "on": True} | {
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = r"(\d{1,15}) ?([KMGT]?)(?:iB|B)?"
_UNIT_IN_ANY_CASE = re.compile(r"[a-zµ]+$", re.IGNORECASE)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)"
_DURATION = rf"(?:{_PART})+"
_HOST = r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?"
_NUMERIC = r"[0-9.]+|.*[:/].*"


class SettingType(ABC):
    """The values that a setting may have. Reading raises `ValueError` for any other."""

    __slots__ = ()

    @property
    @abstractmethod
    def allowed(self) -> str:
        """The allowed values in words, after "must be"."""

    @property
    def allowed_on_wire(self) -> str:
        """The same for clients of the native API."""
        return self.allowed

    def from_text(self, text: str) -> object:
        """Return what a flag or a variable says, as TOML would have it; `read` takes that."""
        return text

    @abstractmethod
    def read(self, value: object) -> Any:
        """Return the program's value for what TOML gives."""

    def from_wire(self, sent: object) -> Any:
        """Return the program's value for what a client of the native API sent."""
        return self.read(self.from_text(sent) if isinstance(sent, str) else sent)

    def to_wire(self, value: Any) -> Wire:
        """Return the value as AIStore's clients read it."""
        return str(value)

    def show(self, value: Any) -> str:
        """Return the value as one would write it in a file, without quotes."""
        return str(value)

    @abstractmethod
    def json_schema(self) -> Schema:
        """Return the JSON schema of the value in a file."""


@dataclass(frozen=True, slots=True)
class Text(SettingType):
    what: str = "a text"
    pattern: str = r".+"

    @property
    def allowed(self) -> str:
        return self.what

    def read(self, value: object) -> str:
        if not isinstance(value, str) or not self.matches(value):
            raise ValueError
        return value

    def matches(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None

    def json_schema(self) -> Schema:
        return {"type": "string", "pattern": _whole(self.pattern)}


@dataclass(frozen=True, slots=True)
class Reachable(Text):
    """A host name, an address or a network."""

    what: str = "a host name, an address or a network such as 10.1.0.0/16"
    pattern: str = rf"{_HOST}|[0-9A-Fa-f:./]+"

    def read(self, value: object) -> str:
        text = Text(self.what, self.pattern).read(value)
        if Text(pattern=_NUMERIC).matches(text):
            ip_network(text)
        return text


def note(longest: int) -> Text:
    """Return the type of a remark that means nothing to the server."""
    pattern = rf"[^\x00-\x1f\x7f]{{0,{longest}}}"
    return Text(f"a text of at most {longest} characters", pattern)


@dataclass(frozen=True, slots=True)
class Whole(SettingType):
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

    def to_wire(self, value: Any) -> Wire:
        return int(value)

    def json_schema(self) -> Schema:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Duration(SettingType):
    """A time as AIStore writes it, `1h30m`, or a number; seconds in the program. `or_zero` allows 0
    below the least one."""

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

    def from_wire(self, sent: object) -> float:
        # A query has texts only, so digits alone are a number of seconds there.
        if isinstance(sent, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", sent):
            sent = float(sent)
        return self.read(sent)

    def to_wire(self, value: Any) -> Wire:
        return show_duration(value)

    def show(self, value: Any) -> str:
        return show_duration(value)

    def json_schema(self) -> Schema:
        text = {"type": "string", "pattern": _whole(f"0|{_DURATION}")}
        number = {"type": "number", "minimum": self.low, "maximum": self.high}
        return {"anyOf": [text, number, *([{"const": 0}] if self.or_zero else [])]}


@dataclass(frozen=True, slots=True)
class Seconds(SettingType):
    """A time that is a number of seconds in files, for settings whose names end in `_s`. AIStore's
    clients write it as any other time."""

    low: float
    high: float

    @property
    def allowed(self) -> str:
        return f"a number of seconds from {self.low:.12g} to {self.high:.12g}"

    @property
    def allowed_on_wire(self) -> str:
        return Duration(self.low, self.high).allowed

    def from_text(self, text: str) -> object:
        return float(text)

    def read(self, value: object) -> float:
        if type(value) not in (int, float) or not self.low <= float(str(value)) <= self.high:
            raise ValueError
        return float(str(value))

    def from_wire(self, sent: object) -> float:
        return Duration(self.low, self.high).from_wire(sent)

    def to_wire(self, value: Any) -> Wire:
        return show_duration(value)

    def show(self, value: Any) -> str:
        return f"{value:g}"

    def json_schema(self) -> Schema:
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class Size(SettingType):
    """A number of bytes. Where `zero_means` is given, 0 is allowed too, and AIStore's clients are
    shown what it means."""

    low: int
    high: int
    zero_means: int | None = None

    @property
    def allowed(self) -> str:
        also = "0, or " if self.zero_means is not None and self.low else ""
        low, high = show_size(self.low), show_size(self.high)
        return f"{also}bytes from {low} to {high}, like 512KiB or 10GiB"

    def read(self, value: object) -> int:
        if type(value) is str and (match := re.fullmatch(_SIZE, value)):
            value = int(match[1]) * _UNITS[match[2]]
        if type(value) is not int:
            raise ValueError
        if value == 0 and self.zero_means is not None:
            return 0
        if not self.low <= value <= self.high:
            raise ValueError
        return value

    def from_wire(self, sent: object) -> int:
        if isinstance(sent, str):
            # AIStore's clients write `16mib` and `16MB` too.
            sent = _UNIT_IN_ANY_CASE.sub(
                lambda unit: unit[0].upper().replace("IB", "iB"), sent.strip()
            )
        return self.read(sent)

    def to_wire(self, value: Any) -> Wire:
        return show_size(value or self.zero_means or 0)

    def show(self, value: Any) -> str:
        return show_size(value)

    def json_schema(self) -> Schema:
        text = {"type": "string", "pattern": _whole(_SIZE)}
        number = {"type": "integer", "minimum": self.low, "maximum": self.high}
        return {"anyOf": [text, number, *([{"const": 0}] if self.zero_means is not None else [])]}


@dataclass(frozen=True, slots=True)
class Switch(SettingType):
    @property
    def allowed(self) -> str:
        return "true or false"

    def from_text(self, text: str) -> object:
        return _SWITCH.get(text.lower(), text)

    def read(self, value: object) -> bool:
        if type(value) is not bool:
            raise ValueError
        return value

    def to_wire(self, value: Any) -> Wire:
        return bool(value)

    def show(self, value: Any) -> str:
        return str(value).lower()

    def json_schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice(SettingType):
    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return " or ".join(", ".join(self.words).rsplit(", ", 1))

    def read(self, value: object) -> str:
        if type(value) is not str or value not in self.words:
            raise ValueError
        return value

    def json_schema(self) -> Schema:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class LogLevel(Choice):
    """The least severe message that is logged. AIStore counts from 1 to 5: 1 is error, 2 warning,
    3 info, 4 and 5 are debug."""

    words: tuple[str, ...] = ("debug", "info", "warning", "error")

    @property
    def allowed_on_wire(self) -> str:
        return "a number from 1 to 5, or error, warning, info or debug"

    def from_wire(self, sent: object) -> str:
        numbers = {"1": "error", "2": "warning", "3": "info", "4": "debug", "5": "debug"}
        text = str(sent) if type(sent) in (int, str) else ""
        return self.read(numbers.get(text, text))

    def to_wire(self, value: Any) -> Wire:
        return {"error": "1", "warning": "2", "info": "3", "debug": "4"}[value]


@dataclass(frozen=True, slots=True)
class Texts(SettingType):
    """A list; one variable holds them with commas between."""

    what: str
    item: Text = Text()

    @property
    def allowed(self) -> str:
        return self.what

    def from_text(self, text: str) -> object:
        return [part.strip() for part in text.split(",") if part.strip()]

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError
        return tuple(self.item.read(each) for each in value)

    def json_schema(self) -> Schema:
        return {"type": "array", "items": self.item.json_schema()}


def same_on_wire(sent: object, shown: Wire) -> bool:
    """Return whether what a client sent is another spelling of what it was shown. Raise
    `ValueError` when it is not even of that type."""
    if isinstance(shown, bool):
        return Switch().from_wire(sent) is shown
    if isinstance(shown, int):
        number: int = Whole(-(1 << 63), 1 << 63).from_wire(sent)
        return number == shown
    if not isinstance(sent, str | int | float) or isinstance(sent, bool):
        raise ValueError
    return str(sent) == shown or _same_amount(sent, shown)


def _same_amount(sent: object, shown: str) -> bool:
    amounts: tuple[SettingType, ...] = (Size(0, 1 << 62), Duration(0, 1e9))
    for amount in amounts:
        try:
            is_same: bool = amount.from_wire(sent) == amount.from_wire(shown)
        except ValueError:
            continue
        return is_same
    return False


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
    if not re.fullmatch(_DURATION, text):
        raise ValueError
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text))


def _whole(pattern: str) -> str:
    """Return a pattern that matches whole texts, as JSON schema's `pattern` need not."""
    return f"^(?:{pattern})$"
