"""Values of properties and of the configuration as AIStore writes them.

A size is a text like `1GiB`, or bytes; a time a text like `1h30m`. Numbers and switches may come as
texts too, because they stand in queries. Each kind reads what a client sends, and shows what it
would be sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from s3gw.config.types import Choice, Duration, Switch, Text, Whole, show_duration, show_size
from s3gw.config.types import Size as PlainSize

Wire = str | int | bool

_ANY_SIZE = PlainSize(0, 1 << 62)
_ANY_TIME = Duration(0, 1e9)
_LEVELS = {"error": "1", "warning": "2", "info": "3", "debug": "4"}
_WORDS = {"1": "error", "2": "warning", "3": "info", "4": "debug", "5": "debug"}
_UNIT = re.compile(r"[a-zµ]+$", re.IGNORECASE)


class ValueKind(Protocol):
    """What a value may be. `ValueError` says that it is not that; `allowed` says what is."""

    @property
    def allowed(self) -> str: ...

    def read(self, sent: object) -> object:
        """As the program keeps it."""
        ...

    def show(self, kept: object) -> Wire:
        """As AIStore's clients read it."""
        ...


@dataclass(frozen=True, slots=True)
class Flag:
    allowed: str = Switch().allowed

    def read(self, sent: object) -> bool:
        return Switch().read(Switch().from_text(sent) if isinstance(sent, str) else sent)

    def show(self, kept: object) -> Wire:
        return bool(kept)


@dataclass(frozen=True, slots=True)
class Number:
    low: int
    high: int

    @property
    def allowed(self) -> str:
        return Whole(self.low, self.high).allowed

    def read(self, sent: object) -> int:
        return Whole(self.low, self.high).read(int(sent) if isinstance(sent, str) else sent)

    def show(self, kept: object) -> Wire:
        return int(str(kept))


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes. 0 may stand for `zero_is`, and is then shown as that."""

    low: int
    high: int
    zero_is: int | None = None

    @property
    def allowed(self) -> str:
        also = "" if self.zero_is is None or not self.low else "0, or "
        return also + PlainSize(self.low, self.high).allowed

    def read(self, sent: object) -> int:
        size = read_size(sent)
        if size == 0 and self.zero_is is not None:
            return 0
        return PlainSize(self.low, self.high).read(size)

    def show(self, kept: object) -> Wire:
        size = int(str(kept))
        return show_size(size or self.zero_is or 0)


@dataclass(frozen=True, slots=True)
class Time:
    """Seconds in the program."""

    low: float
    high: float

    @property
    def allowed(self) -> str:
        return Duration(self.low, self.high).allowed

    def read(self, sent: object) -> float:
        return Duration(self.low, self.high).read(sent)

    def show(self, kept: object) -> Wire:
        return show_duration(float(str(kept)))


@dataclass(frozen=True, slots=True)
class Word:
    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return Choice(self.words).allowed

    def read(self, sent: object) -> str:
        return Choice(self.words).read(sent)

    def show(self, kept: object) -> Wire:
        return str(kept)


@dataclass(frozen=True, slots=True)
class Note:
    """A text of any kind that is only kept."""

    longest: int

    @property
    def allowed(self) -> str:
        return f"a text of at most {self.longest} characters"

    def read(self, sent: object) -> str:
        return Text(pattern=rf"[^\x00-\x1f\x7f]{{0,{self.longest}}}").read(sent)

    def show(self, kept: object) -> Wire:
        return str(kept)


@dataclass(frozen=True, slots=True)
class LogLevel:
    """AIStore counts from 1 to 5, the program has words: 1 is error, 3 is info, 4 and 5 are
    debug."""

    allowed: str = "a number from 1 to 5, or error, warning, info or debug"

    def read(self, sent: object) -> str:
        text = str(sent) if type(sent) in (int, str) else ""
        if text not in _LEVELS and text not in _WORDS:
            raise ValueError
        return _WORDS.get(text, text)

    def show(self, kept: object) -> Wire:
        return _LEVELS[str(kept)]


def read_size(sent: object) -> int:
    """Bytes, with or without a unit, in whichever case. Raises `ValueError`."""
    if isinstance(sent, str):
        sent = _UNIT.sub(lambda unit: unit[0].upper().replace("IB", "iB"), sent.strip())
    return _ANY_SIZE.read(sent)


def agree(sent: object, shown: Wire) -> bool:
    """Whether what a client sends is another spelling of what it was shown. Raises `ValueError`
    when it is not even of that kind."""
    if isinstance(shown, bool):
        return Flag().read(sent) is shown
    if isinstance(shown, int):
        return Number(-(1 << 63), 1 << 63).read(sent) == shown
    if not isinstance(sent, str | int | float) or isinstance(sent, bool):
        raise ValueError
    return str(sent) == shown or _same(sent, shown)


def _same(sent: object, shown: str) -> bool:
    for read in (read_size, _ANY_TIME.read):
        try:
            return read(sent) == read(shown)
        except ValueError:
            pass
    return False
