"""`s3gw version`"""

from __future__ import annotations

import argparse
import platform
import sys

from s3gw import __version__
from s3gw.cli.commands import Parser, describe


def define(parser: Parser) -> None:
    describe(parser, run, "  s3gw version")


def run(args: argparse.Namespace) -> int:
    print(f"s3gw {__version__} (Python {platform.python_version()}, {sys.platform})")
    return 0
