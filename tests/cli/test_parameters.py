"""Options of commands: declared as fields, parsed into values of their types."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from s3gw.cli import build_parser
from s3gw.cli.parameters import (
    argument,
    arguments,
    included,
    option,
    repeated,
    several,
    switch,
    yes_or_no,
)
from s3gw.cli.parsing import Command, Parser, chosen
from tests.cli.test_examples import examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    some_text: str = option("TEXT", default="", exclusive="one")
    all: bool = switch("-a", exclusive="one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    source: str = argument("SOURCE")
    rest: tuple[int, ...] = arguments("N", read=int, at_least=0)
    inner: Inner = included(Inner, "a heading")
    size: int | None = option("N", read=int)
    needed: str = option("X", default=MISSING)
    more: tuple[str, ...] = repeated("Y")
    words: tuple[str, ...] = several("WORD", flag="--exec", help="a command")
    state: bool | None = yes_or_no(help="on or off")


def parsed(*words: str, options: type[Any] = Options) -> Any:
    seen: list[Any] = []

    def run(given: Any) -> int:
        seen.append(given)
        return 0

    parser = Parser(prog="test")
    Command(options, run, "  test").define(parser)
    assert chosen(parser, words)() == 0
    return seen[0]


def test_fields_have_the_values_of_their_flags() -> None:
    found = parsed("s", "--needed", "x", "1", "2", "--some-text", "t", "--more", "a", "--more", "b")
    assert found == Options(
        source="s", needed="x", rest=(1, 2), inner=Inner(some_text="t"), more=("a", "b")
    )


def test_defaults_are_those_of_the_fields() -> None:
    found = parsed("s", "--needed", "x")
    assert (found.rest, found.inner, found.size, found.state) == ((), Inner(), None, None)


def test_flags_may_be_anywhere() -> None:
    assert parsed("--needed", "x", "s", "-a", "7") == parsed("s", "7", "-a", "--needed", "x")
    assert parsed("s", "--needed", "x", "--exec", "ls", "dir").words == ("ls", "dir")
    assert parsed("s", "--needed", "x", "--no-state").state is False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("s", "required: --needed"),
        ("--needed x", "required: SOURCE"),
        ("s --needed x --size ten", "argument --size: 'ten' is not a whole number"),
        ("s --needed x -a --some-text t", "not allowed with"),
        ("s --needed x --som t", "unrecognized arguments: --som"),
    ],
)
def test_wrong_use_is_said_with_the_name_of_the_flag(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(*words.split())
    assert said in capsys.readouterr().err


def test_options_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        parsed("s", "--needed", "x").source = "other"


@pytest.mark.parametrize("command", examples())
def test_every_option_of_an_example_has_the_type_of_its_field(command: str) -> None:
    bound: Any = chosen(build_parser(), shlex.split(command)[1:])
    (options,) = bound.args
    assert list(wrong_types(options)) == []


def wrong_types(options: Any) -> Iterator[str]:
    hints = get_type_hints(type(options))
    for each in fields(options):
        value = getattr(options, each.name)
        if is_dataclass(value) and type(value).__name__.endswith("Flags"):
            yield from wrong_types(value)
        elif not fits(value, hints[each.name]):
            yield f"{each.name}: {value!r} is not {hints[each.name]}"


def fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple and inner[-1] is Ellipsis:
        return isinstance(value, tuple) and all(fits(each, inner[0]) for each in value)
    if origin is tuple:
        return len(value) == len(inner) and all(map(fits, value, inner))
    if origin is re.Pattern:
        return isinstance(value, re.Pattern)
    if origin is Union or str(origin) == "<class 'types.UnionType'>":
        return any(fits(value, each) for each in inner)
    return type(value) is hint or (isinstance(value, hint) and not isinstance(value, bool))
