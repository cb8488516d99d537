"""`s3gw etl start`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import ETL, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.etl import start_etl

_EXAMPLES = """\
  s3gw etl start resize"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("etls", metavar=ETL, nargs="+")


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        for name in args.etls:
            start_etl(client, name)
            if not args.json:
                print(f"Started {name}.")
    if args.json:
        print(json_text({"started": args.etls}))
    return 0
