"""`s3gw etl rm`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.etl.naming import describe_each, do_each
from s3gw.client.etl import remove_etl


def define(parser: Parser) -> None:
    describe_each(parser, run, "  s3gw etl rm resize")


def run(args: argparse.Namespace) -> int:
    return do_each(args, remove_etl, "Removed")
