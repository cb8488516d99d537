"""How commands are declared: each is a module, and is imported when it is chosen.

A group is a table of names and summaries, which is all that its `--help` needs. The module of a
command stands in the group's package under the same name (with `_` for `-`) and has
`define(parser)`. So `s3gw object get` never imports what `s3gw serve` needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

Commands = Any  # argparse keeps the type of what add_subparsers returns to itself

FAILED = 1
MISUSED = 2


class Misused(Exception):
    """The command was called wrongly, in a way that its parser cannot see."""


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
            import_module(module).define(self)
        return self

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """Flags may stand anywhere among the arguments, and what is left over is this command's
        error and not its group's."""
        if self._is_within or not self.learn()._can_mix():
            return super().parse_known_args(args, namespace)
        self._is_within = True
        try:
            found, left = self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_within = False
        if left:
            self.error(f"unrecognized arguments: {' '.join(left)}")
        return found, []

    def _can_mix(self) -> bool:
        """Whether no argument takes all that follows it, as a group's command does."""
        greedy = (argparse.PARSER, argparse.REMAINDER)
        return not any(each.nargs in greedy for each in self._actions)


def add_group(
    parser: Parser, package: str, summaries: Mapping[str, str], examples: str = ""
) -> None:
    """Commands below `parser`, in the order of the table; their modules are those of `package`."""
    if examples:
        parser.epilog = f"examples:\n{examples}"
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in summaries.items():
        module = f"{package}.{name.replace('-', '_')}"
        commands.add_parser(name, help=summary, description=_sentence(summary), module=module)


def describe(parser: Parser, run: Callable[..., int], examples: str) -> None:
    """What a command does, and how it is called."""
    parser.epilog = f"examples:\n{examples}"
    parser.set_defaults(run=run)


def add_command(
    commands: Commands, name: str, summary: str, run: Callable[..., int], examples: str
) -> Parser:
    """A command that stands in one module with its siblings."""
    parser: Parser = commands.add_parser(name, help=summary, description=_sentence(summary))
    describe(parser, run, examples)
    return parser


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."
