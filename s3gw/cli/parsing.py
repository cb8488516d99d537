"""Commands and groups of commands, as modules declare them.

The module of a command has a `COMMAND`: its options, its function and its examples. A group is a
package whose `COMMAND` is a table of names and summaries, all that its `--help` needs. The module
of a command has the command's name (with `_` for `-`) and is imported when the command is chosen.
So `s3gw object get` never imports what `s3gw serve` needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar

from s3gw.cli.parameters import add_parameters, read_options

T = TypeVar("T")

FAILED = 1
MISUSED = 2
_CHOSEN = "_command"


class Misused(Exception):
    """The command was called wrongly, in a way that its parser cannot see."""


class Definition(Protocol):
    """The type of a module's `COMMAND`."""

    def define(self, parser: Parser) -> None: ...


class Parser(argparse.ArgumentParser):
    """The parser of a command. One with a `module` learns its arguments when it is first used."""

    def __init__(self, *args: Any, module: str = "", **kwargs: Any) -> None:
        kwargs = {"formatter_class": argparse.RawDescriptionHelpFormatter, **kwargs}
        super().__init__(*args, **{**kwargs, "allow_abbrev": False})
        self._module = module
        self._is_within = False

    def learn(self) -> Parser:
        """Let the command's module define this parser, unless it has done so."""
        module, self._module = self._module, ""
        if module:
            definition: Definition = import_module(module).COMMAND
            definition.define(self)
        return self

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Parse flags anywhere among the arguments; what is left over is this command's error and
        not its group's."""
        if self._is_within or not self.learn().is_command():
            return super().parse_known_args(args, namespace)
        self._is_within = True
        try:
            found, left = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_within = False
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, []

    def is_command(self) -> bool:
        """Whether no argument takes all that follows it, as a group's command does."""
        greedy = (argparse.PARSER, argparse.REMAINDER)
        return not any(each.nargs in greedy for each in self._actions)


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """`options` is a frozen dataclass (`parameters`); `run` receives an instance of it and returns
    the exit code."""

    options: type[T]
    run: Callable[[T], int]
    examples: str

    def define(self, parser: Parser) -> None:
        parser.epilog = f"examples:\n{self.examples}"
        add_parameters(parser, self.options)
        parser.set_defaults(**{_CHOSEN: self})

    def bound_to(self, parsed: Mapping[str, Any]) -> Callable[[], int]:
        return partial(self.run, read_options(self.options, parsed))


@dataclass(frozen=True, slots=True)
class Group:
    """Commands that are the modules of `package`, in the order of the table."""

    package: str
    summaries: Mapping[str, str]
    examples: str = ""

    def define(self, parser: Parser) -> None:
        if self.examples:
            parser.epilog = f"examples:\n{self.examples}"
        commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
        for name, summary in self.summaries.items():
            module = f"{self.package}.{name.replace('-', '_')}"
            commands.add_parser(name, help=summary, description=_sentence(summary), module=module)


@dataclass(frozen=True, slots=True)
class Actions:
    """Commands that are together in one module, with their summaries."""

    description: str
    commands: Mapping[str, tuple[str, Command[Any]]]

    def define(self, parser: Parser) -> None:
        parser.description = self.description
        actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
        for name, (summary, command) in self.commands.items():
            inner = actions.add_parser(name, help=summary, description=_sentence(summary))
            command.define(inner)


def chosen(parser: Parser, argv: Sequence[str] | None) -> Callable[[], int]:
    """Return the command that was called, with its options. Raises `SystemExit`."""
    parsed = vars(parser.parse_args(argv))
    command: Command[Any] = parsed[_CHOSEN]
    return command.bound_to(parsed)


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."
