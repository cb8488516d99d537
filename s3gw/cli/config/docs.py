"""`s3gw config docs`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser, describe
from s3gw.config.docs import configuration_page


def define(parser: Parser) -> None:
    describe(parser, run, "  s3gw config docs")


def run(args: argparse.Namespace) -> int:
    print(configuration_page(), end="")
    return 0
