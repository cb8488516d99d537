"""Flags of commands that read objects."""

from __future__ import annotations

import argparse
import re

from s3gw.cli.commands import Parser
from s3gw.client.objects import Wanted

_RANGE = re.compile(r"\d+-\d*|-\d+")


def add_reading(parser: Parser) -> None:
    parser.add_argument(
        "--range",
        metavar="FIRST-LAST",
        type=_range,
        help="only these bytes: 0-99, 100- or, from the end, --range=-100",
    )
    parser.add_argument(
        "--archpath", metavar="MEMBER", default="", help="a member of the archive that it is"
    )


def wanted(args: argparse.Namespace) -> Wanted:
    return Wanted(range=args.range or "", member=args.archpath)


def _range(text: str) -> str:
    if not _RANGE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r}: must be FIRST-LAST, FIRST- or -COUNT")
    return text
