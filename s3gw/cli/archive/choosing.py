"""Flags that choose members of an archive."""

from __future__ import annotations

import argparse
from typing import Any

from s3gw.cli.commands import Misused, Parser
from s3gw.client.objects import Wanted

# AIStore's modes, under their flags.
_MODES = {
    "regex": ("regexp", "members whose names match"),
    "prefix": ("prefix", "members whose names begin so"),
    "suffix": ("suffix", "members whose names end so"),
    "substr": ("substr", "members whose names contain it"),
    "wdskey": ("wdskey", "the files of one WebDataset sample"),
}


class _Mode(argparse.Action):
    """Keeps the mode beside the text."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None
    ) -> None:
        namespace.mode, namespace.pattern = _MODES[str(option).removeprefix("--")][0], values


def add_choosing(parser: Parser) -> None:
    parser.set_defaults(mode="", pattern="")
    group = parser.add_argument_group("several members, as a tar")
    which = group.add_mutually_exclusive_group()
    for flag, (_, about) in _MODES.items():
        which.add_argument(
            f"--{flag}", metavar="TEXT", action=_Mode, default=argparse.SUPPRESS, help=about
        )
    parser.add_argument(
        "--mime", metavar="FORMAT", default="", help="read it as .tar, .tgz, .zip, .tar.lz4"
    )


def wanted(args: argparse.Namespace, member: str) -> Wanted:
    """Raises `Misused` unless there is a member or a mode."""
    if not (member or args.mode):
        raise Misused("Name a member, or select some with --regex, --prefix, ...")
    return Wanted(member=member, pattern=args.pattern, mode=args.mode, mime=args.mime)
