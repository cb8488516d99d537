"""`s3gw etl stop`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.etl.naming import describe_each, do_each
from s3gw.client.etl import stop_etl


def define(parser: Parser) -> None:
    describe_each(parser, run, "  s3gw etl stop resize")


def run(args: argparse.Namespace) -> int:
    return do_each(args, stop_etl, "Stopped")
