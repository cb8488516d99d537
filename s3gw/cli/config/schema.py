"""`s3gw config schema`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser, describe
from s3gw.config.json_schema import configuration_schema


def define(parser: Parser) -> None:
    describe(parser, run, "  s3gw config schema > s3gw.schema.json")


def run(args: argparse.Namespace) -> int:
    print(configuration_schema(), end="")
    return 0
