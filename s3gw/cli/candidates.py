"""Candidates for the word that is being typed in a shell.

The shells' scripts call `s3gw completion` at each TAB, so they always match the program. The
parsers are followed word by word; the metavar of an argument identifies its kind. Names of buckets,
objects and jobs come from the server, if it answers quickly.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from s3gw.cli import build_parser
from s3gw.cli.arguments import BUCKET, FILE, JOB, KIND, OBJECT, PLACE
from s3gw.cli.parsing import Parser
from s3gw.client.buckets import list_buckets
from s3gw.client.endpoint import Flags, find_endpoint
from s3gw.client.errors import ClientError
from s3gw.client.jobs import JobQuery, find_jobs
from s3gw.client.listing import Flag, ListQuery, list_objects
from s3gw.client.names import BadName, Bck, ObjectName, read_place
from s3gw.client.sync import Client

TIMEOUT_S = 0.5
MOST = 200
_KINDS = ("cleanup-store", "load-lom-cache", "lru", "rebalance", "rechunk", "resilver")
_FILES = frozenset({FILE, "DIR", "PATH", "DATA", f"[MEMBER] [{FILE}]"})


@dataclass(slots=True)
class Candidates:
    """Words and their descriptions; `files` says that names of files are candidates, too."""

    current: str = ""
    words: dict[str, str] = field(default_factory=dict)
    files: bool = False

    def add(self, word: str, about: str = "") -> None:
        if word.startswith(self.current):
            self.words[word] = about


@dataclass(slots=True)
class _Typed:
    """The parsed part of the line: the command, its options so far, the option whose value comes
    next, and the number of plain arguments."""

    parser: Parser
    options: dict[str, str] = field(default_factory=dict)
    pending: argparse.Action | None = None
    arguments: int = 0


def candidates(line: str | None, words: Sequence[str] | None) -> Candidates:
    """Return candidates for the last word of a line, or of words; the first is the program."""
    *before, current = words if words else _split(line or "")
    found = Candidates(current)
    typed = _follow(before[1:])
    if typed is not None:
        _complete(typed, found)
    return found


def lines_for(shell: str, found: Candidates) -> str:
    """Return the lines that the shell's script reads."""
    lines = [
        _bash_word(found.current, word) if shell == "bash" else f"{word}\t{about}".rstrip("\t")
        for word, about in found.words.items()
        if word.isprintable()
    ]
    return "".join(f"{line}\n" for line in [*lines, *([":files"] if found.files else [])])


def _bash_word(current: str, word: str) -> str:
    """Bash breaks words at colons and equals signs, and wants only what follows the last one."""
    return word[max(current.rfind(":"), current.rfind("=")) + 1 :]


def _split(line: str) -> list[str]:
    """Split a line as a shell would, but allow an open quote; the last word is being typed."""
    for end in ("", '"', "'"):
        try:
            words = shlex.split(line + end)
        except ValueError:
            continue
        is_between = not end and (not line or line[-1].isspace())
        return [*words, ""] if is_between or not words else words
    return [""]


def _follow(words: Sequence[str]) -> _Typed | None:
    """Follow the words through the parsers; return None when they are not a command."""
    typed = _Typed(build_parser().learn())
    for word in words:
        options = _options(typed.parser)
        flag, equals, value = word.partition("=")
        if flag in options:
            action = options[flag]
            typed.pending = action if _takes_value(action) and not equals else None
            if equals:
                typed.options[flag] = value
        elif typed.pending is not None:
            typed.options[typed.pending.option_strings[-1]] = word
            if typed.pending.nargs not in ("+", "*"):
                typed.pending = None
        elif commands := _commands(typed.parser):
            if word not in commands:
                return None
            typed = _Typed(commands[word].learn(), typed.options)
        else:
            typed.arguments += 1
    return typed


def _complete(typed: _Typed, found: Candidates) -> None:
    options = _options(typed.parser)
    flag, equals, value = found.current.partition("=")
    if equals and flag in options:
        inner = Candidates(value)
        _values(options[flag], typed.options, inner)
        found.files = False
        for word, about in inner.words.items():
            found.add(f"{flag}={word}", about)
    elif typed.pending is not None and not found.current.startswith("--"):
        _values(typed.pending, typed.options, found)
    elif found.current.startswith("-"):
        for name, action in options.items():
            if action.help is not argparse.SUPPRESS and name.startswith("--"):
                found.add(name, (action.help or "").partition("\n")[0].replace("%%", "%"))
    elif commands := _commands(typed.parser):
        summaries = _summaries(typed.parser)
        for name in commands:
            found.add(name, summaries.get(name, ""))
    else:
        for action in _arguments_at(typed.parser, typed.arguments):
            _values(action, typed.options, found)


def _values(action: argparse.Action, options: Mapping[str, str], found: Candidates) -> None:
    """Add what the argument can be, by its choices or its metavar."""
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if action.choices is not None:
        for choice in action.choices:
            found.add(str(choice))
    elif metavar in _FILES:
        found.files = True
    elif metavar in (BUCKET, OBJECT, PLACE, JOB):
        try:
            for word in _names(metavar, options, found.current):
                found.add(word)
        except (ClientError, BadName):
            return
    elif metavar == KIND:
        for kind in _KINDS:
            found.add(kind)
    elif "|" in metavar:
        for word in metavar.split("|"):
            found.add(word)


def _names(metavar: str, options: Mapping[str, str], current: str) -> Iterator[str]:
    flags = Flags(
        options.get("--endpoint"),
        options.get("--token-file"),
        options.get("--ca"),
        "--skip-verify" in options,
    )
    endpoint = find_endpoint(os.environ, flags)
    quick = replace(endpoint, connect_timeout_s=TIMEOUT_S, read_timeout_s=TIMEOUT_S)
    with Client(quick, tries=1) as client:
        if metavar == JOB:
            yield from (job.id for job in client.call(find_jobs(JobQuery()))[:MOST])
        elif metavar == BUCKET or "/" not in current.rpartition("://")[2]:
            slash = "" if metavar == BUCKET else "/"
            yield from (f"{_spelt(bck, current)}{slash}" for bck in client.call(list_buckets()))
        else:
            yield from _objects(client, current)


def _objects(client: Client, current: str) -> Iterator[str]:
    """Return names folder by folder; the bucket is spelt as it was typed."""
    place = read_place(current)
    above = current.removesuffix(place.key)
    query = ListQuery(ObjectName(place.bck, place.key), ("name",), _FOLDERS, limit=MOST)
    for entry in client.items(list_objects(query)):
        yield above + entry.name


_FOLDERS = Flag.NAME_ONLY | Flag.NO_RECURSION


def _spelt(bck: Bck, current: str) -> str:
    """Return the name with its provider, where that is being typed or is needed."""
    is_plain = bck == Bck(bck.name) and not (current and str(bck).startswith(current[:6]))
    return bck.name if is_plain else str(bck)


def _options(parser: Parser) -> dict[str, argparse.Action]:
    return {name: each for each in parser._actions for name in each.option_strings}


def _takes_value(action: argparse.Action) -> bool:
    return action.nargs != 0


def _arguments_at(parser: Parser, index: int) -> Iterator[argparse.Action]:
    """Return the arguments that the word with this index among the positional ones can be."""
    least, most = 0, 0.0
    for action in parser._actions:
        if action.option_strings:
            continue
        many = action.nargs in ("+", "*")
        before, most = least, most + (float("inf") if many else 1)
        least += 0 if action.nargs in ("?", "*") else 1
        if before <= index < most:
            yield action


def _group(parser: Parser) -> Any:
    """Return the action that holds a group's commands; None for a command."""
    return next((a for a in parser._actions if isinstance(a, argparse._SubParsersAction)), None)


def _commands(parser: Parser) -> dict[str, Parser]:
    group = _group(parser)
    return cast("dict[str, Parser]", group.choices) if group is not None else {}


def _summaries(parser: Parser) -> dict[str, str]:
    return {each.dest: each.help or "" for each in _group(parser)._choices_actions}
