"""Which objects a command is about, when they are many: a prefix, a template or a list."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import FILE
from s3gw.client.names import Bck, ObjectName
from s3gw.client.objects import Selection

HELP = """\
A template has ranges as in bash: shard-{0001..1000..3}.tar. A list has a name in each line."""


def add_selection(parser: Parser) -> None:
    group = parser.add_argument_group("many objects of one bucket")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--prefix", metavar="TEXT", help="all whose names begin with it")
    which.add_argument("--template", metavar="TEXT", help="names with ranges, {1..100} say")
    which.add_argument("--list", metavar=FILE, help="names, one a line; - is the standard input")
    which.add_argument("--all", action="store_true", help="the whole bucket")


def is_many(args: argparse.Namespace) -> bool:
    return args.all or any(given is not None for given in (args.prefix, args.template, args.list))


def selection(args: argparse.Namespace, names: Sequence[ObjectName]) -> tuple[Bck, Selection]:
    """The bucket and what of it: by the flags if there is one, else the objects that are named.
    Raises `Misused`."""
    buckets = {name.bck for name in names}
    if len(buckets) != 1:
        raise Misused("One bucket at a time, please.")
    keys = tuple(name.key for name in names)
    if is_many(args):
        if len(names) > 1 or keys[0]:
            raise Misused(
                f"--prefix, --template, --list and --all go with the bucket alone: {names[0].bck}"
            )
        return names[0].bck, _by_flag(args)
    if not all(keys):
        raise Misused(
            f"{names[keys.index('')]} is a bucket: name objects, or give --prefix, --template, "
            "--list or --all."
        )
    return names[0].bck, Selection(names=keys)


def _by_flag(args: argparse.Namespace) -> Selection:
    if args.all:
        return Selection(template="")
    if args.list is not None:
        return Selection(names=_listed(args.list))
    if args.template is not None:
        return Selection(template=_not_empty("--template", args.template))
    prefix = _not_empty("--prefix", args.prefix)
    if "{" in prefix:
        raise Misused(f"--prefix {prefix!r}: braces are ranges of --template to the server.")
    return Selection(template=prefix)


def _not_empty(flag: str, text: str) -> str:
    if not text:
        raise Misused(f"{flag} is empty: --all means the whole bucket.")
    return text


def _listed(file: str) -> tuple[str, ...]:
    try:
        if file == "-":
            text = sys.stdin.read()
        else:
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        raise Misused(f"The list {file} cannot be read: {why}.") from None
    names = tuple(line for line in text.split("\n") if line)
    if not names:
        raise Misused(f"The list {file} is empty.")
    return names
