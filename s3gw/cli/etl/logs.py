"""`s3gw etl logs`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import ETL, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.etl import etl_logs

_EXAMPLES = """\
  s3gw etl logs resize
  s3gw etl logs resize --json"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("etl", metavar=ETL)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        told = etl_logs(client, args.etl)
    if args.json:
        print(json_text(told))
        return 0
    for target, text in told.items():
        print(f"--- {target}\n{text.rstrip()}")
    return 0
