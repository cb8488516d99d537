"""`s3gw etl show`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import ETL, connect, describe_asking
from s3gw.cli.tables import facts, json_text
from s3gw.client.etl import show_etl

_EXAMPLES = """\
  s3gw etl show resize
  s3gw etl show resize --json"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("etl", metavar=ETL)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        document = show_etl(client, args.etl)
    if args.json:
        print(json_text(document))
        return 0
    told = document.get("init_msg") or {}
    rows = [(name, str(value)) for name, value in told.items() if value not in ("", None)]
    errors = document.get("obj_errors") or ()
    print(facts([*rows, ("failed objects", str(len(errors)))]))
    return 0
