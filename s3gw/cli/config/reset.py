"""`s3gw config reset`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.cluster import reset_config

_EXAMPLES = """\
  s3gw config reset"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        reset_config(client)
    print(json_text({"reset": True}) if args.json else "The configuration is as it was at first.")
    return 0
