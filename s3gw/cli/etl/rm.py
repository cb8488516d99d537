"""`s3gw etl rm`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import ETL, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.etl import remove_etl

_EXAMPLES = """\
  s3gw etl rm resize"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("etls", metavar=ETL, nargs="+")


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        for name in args.etls:
            remove_etl(client, name)
            if not args.json:
                print(f"Removed {name}.")
    if args.json:
        print(json_text({"removed": args.etls}))
    return 0
