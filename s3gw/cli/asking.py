"""Asking people before something is lost for good."""

from __future__ import annotations

import argparse
import sys

from s3gw.cli.commands import Misused, Parser


def add_yes(parser: Parser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def confirmed(args: argparse.Namespace, question: str) -> bool:
    """Raises `Misused` where nobody can be asked and `--yes` is not there."""
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise Misused(f"{question} Nobody is there to ask: add --yes.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
