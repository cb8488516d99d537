"""Command-line parameters, declared as fields of a frozen dataclass.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Options(ClientOptions):
        place: ObjectName = argument(PLACE, read=read_place)
        long: bool = switch("-l", help="more columns", exclusive="columns")
        page_size: int = option("N", read=int, default=0, help="of each request")

The parser is built from the fields, and the command receives an instance. A field's name is its
flag: `page_size` is `--page-size`. `read` parses the typed word into the value, and raises
`ValueError` with a message for the user. Parameters with the same `exclusive` word exclude one
another. A dataclass may include another one (`included`), whose flags have a separate heading.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Protocol, TypeVar, cast

T = TypeVar("T")

_KEY = "parameter"


class Container(Protocol):
    """Anything that arguments are added to: a parser, or a group of one."""

    def add_argument(self, *names: str, **how: Any) -> argparse.Action: ...


class Source(Protocol):
    """Where the value of a field comes from. `dest` names its values in what was parsed."""

    @property
    def exclusive(self) -> str: ...

    def add_to(self, container: Any, dest: str) -> None: ...

    def value_in(self, parsed: Mapping[str, Any], dest: str) -> Any:
        """Return the value, or `MISSING` to leave the field's default."""
        ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """One flag, or one argument by position; `how` are argparse's own words."""

    read: Callable[[str], Any] | None
    how: Mapping[str, Any]
    is_positional: bool = False
    short: tuple[str, ...] = ()
    long: str = ""
    exclusive: str = ""

    def add_to(self, container: Container, dest: str) -> None:
        how = {"default": argparse.SUPPRESS, **self.how}
        if self.read is not None:
            how["type"] = _checked(self.read)
        if self.is_positional:
            container.add_argument(dest, **how)
        else:
            flag = self.long or f"--{dest.rpartition('.')[2].replace('_', '-')}"
            container.add_argument(*self.short, flag, dest=dest, **how)

    def value_in(self, parsed: Mapping[str, Any], dest: str) -> Any:
        value = parsed.get(dest, MISSING)
        return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Included:
    """The parameters of another dataclass."""

    options: type[Any]
    title: str = ""
    exclusive: str = ""

    def add_to(self, container: Any, dest: str) -> None:
        if self.title:
            container = container.add_argument_group(self.title)
        add_parameters(container, self.options, f"{dest}.")

    def value_in(self, parsed: Mapping[str, Any], dest: str) -> Any:
        return read_options(self.options, parsed, f"{dest}.")


def argument(
    metavar: str,
    *,
    read: Callable[[str], Any] = str,
    default: Any = MISSING,
    choices: Sequence[str] | None = None,
    help: str | None = None,
) -> Any:
    """Declare one argument by position; one with a default may be left out."""
    how: dict[str, Any] = {"metavar": metavar, "choices": choices, "help": help}
    if default is not MISSING:
        # argparse would read a default that is a text, such as SUPPRESS, as if it had been typed.
        how |= {"nargs": "?", "default": MISSING}
    return _field(Parameter(read, how, is_positional=True), default)


def arguments(
    metavar: str,
    *,
    read: Callable[[str], Any] = str,
    at_least: int = 1,
    help: str | None = None,
) -> Any:
    """Declare all arguments that follow, as a tuple; `at_least` is 0 or 1."""
    how = {"metavar": metavar, "nargs": "+" if at_least else "*", "help": help}
    return _field(Parameter(read, how, is_positional=True), MISSING if at_least else ())


def switch(*short: str, help: str | None = None, exclusive: str = "") -> Any:
    """Declare a flag without a value: true when it is given."""
    how = {"action": "store_true", "help": help}
    return _field(Parameter(None, how, short=short, exclusive=exclusive), False)


def yes_or_no(*, help: str) -> Any:
    """Declare `--name` and `--no-name`; None when neither is given."""
    return _field(Parameter(None, {"action": argparse.BooleanOptionalAction, "help": help}), None)


def option(
    metavar: str | None,
    *short: str,
    read: Callable[[str], Any] = str,
    default: Any = None,
    choices: Sequence[str] | None = None,
    help: str | None = None,
    exclusive: str = "",
    flag: str = "",
) -> Any:
    """Declare a flag with a value. `default=MISSING` requires it; `flag` replaces the field's
    name."""
    how = {"metavar": metavar, "choices": choices, "help": help, "required": default is MISSING}
    return _field(Parameter(read, how, short=short, long=flag, exclusive=exclusive), default)


def repeated(
    metavar: str,
    *,
    read: Callable[[str], Any] = str,
    help: str | None = None,
    flag: str = "",
) -> Any:
    """Declare a flag that may be given several times; its values as a tuple."""
    how = {"metavar": metavar, "action": "append", "help": help}
    return _field(Parameter(read, how, long=flag), ())


def several(metavar: str, *, flag: str, help: str) -> Any:
    """Declare a flag that takes all words that follow it, as a tuple."""
    return _field(Parameter(str, {"metavar": metavar, "nargs": "+", "help": help}, long=flag), ())


def hidden(*, is_repeated: bool = False) -> Any:
    """Declare a flag that the help does not show."""
    how = {"help": argparse.SUPPRESS, "action": "append" if is_repeated else "store"}
    return _field(Parameter(str, how), None)


def included(options: type[Any], title: str = "") -> Any:
    """Declare that the parameters of another dataclass belong here, below a heading."""
    return field(default_factory=options, metadata={_KEY: Included(options, title)})


def from_source(source: Source, default_factory: Callable[[], Any]) -> Any:
    """Declare a field whose flags are defined by `source`."""
    return field(default_factory=default_factory, metadata={_KEY: source})


def add_parameters(container: Any, options: type[Any], dest: str = "") -> None:
    """Add the arguments and flags of a dataclass to a parser, in the order of its fields."""
    exclusive: dict[str, Container] = {}
    for each in fields(options):
        source: Source = each.metadata[_KEY]
        where = container
        if source.exclusive:
            if source.exclusive not in exclusive:
                exclusive[source.exclusive] = container.add_mutually_exclusive_group()
            where = exclusive[source.exclusive]
        source.add_to(where, f"{dest}{each.name}")


def read_options(options: type[T], parsed: Mapping[str, Any], dest: str = "") -> T:
    """Return the instance of a dataclass that was parsed with its own parameters."""
    values: dict[str, Any] = {}
    for each in fields(cast(Any, options)):
        source: Source = each.metadata[_KEY]
        value = source.value_in(parsed, f"{dest}{each.name}")
        if value is not MISSING:
            values[each.name] = value
    return options(**values)


def _field(parameter: Parameter, default: Any) -> Any:
    how = {name: value for name, value in parameter.how.items() if value is not None}
    settled = Parameter(
        parameter.read,
        how,
        parameter.is_positional,
        parameter.short,
        parameter.long,
        parameter.exclusive,
    )
    if default is MISSING:
        return field(metadata={_KEY: settled})
    return field(default=default, metadata={_KEY: settled})


def _checked(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return `read` with its own message in argparse's error."""

    def checked(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            if read in (int, float):
                kind = "a whole number" if read is int else "a number"
                raise argparse.ArgumentTypeError(f"{text!r} is not {kind}") from None
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked
