"""Every command that the help and docs/cli.md show can be called as it stands there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from s3gw.cli import build_parser
from s3gw.cli.parsing import chosen
from tests.cli.test_start import COMMANDS, LEAVES
from tests.server_process import ROOT

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_PROGRAM = re.compile(r"(?:^|\| |<\(|\$\()(s3gw .*)")
# What ends a command for a shell, and the remark that follows one after two spaces.
_END = re.compile(r"  +[^-\s].*$| \|.*| [<>].*| &&.*| \|\|.*|; .*|\)$|\) .*$")


def commands_in(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", "").splitlines():
        for part in re.split(r"(?<=\|) (?=s3gw)|(?<=\$\()|(?<=<\()", line.split("  #")[0].strip()):
            if part.startswith("s3gw "):
                yield _END.sub("", part).strip()


def documented() -> list[str]:
    page = (ROOT / "docs" / "cli.md").read_text()
    return [command for block in _BLOCK.findall(page) for command in commands_in(block)]


def examples() -> list[str]:
    helps = [COMMANDS[name].epilog or "" for name in LEAVES]
    shown = [text.partition("examples:\n")[2].partition("\n\n")[0] for text in helps]
    return [command for text in shown for command in commands_in(text)]


@pytest.mark.parametrize("command", documented())
def test_the_page_shows_what_there_is(command: str) -> None:
    chosen(build_parser(), shlex.split(command)[1:])


@pytest.mark.parametrize("command", examples())
def test_the_help_shows_what_there_is(command: str) -> None:
    chosen(build_parser(), shlex.split(command)[1:])


def test_there_are_examples_of_everything() -> None:
    assert len(documented()) > 40
    assert len(examples()) > 120
