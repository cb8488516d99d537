"""`s3gw config cluster`"""

from __future__ import annotations

import argparse

from s3gw.cli.bucket.properties import chosen, shown
from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import connect, describe_asking
from s3gw.cli.tables import json_text, table
from s3gw.client.cluster import cluster_config

_EXAMPLES = """\
  s3gw config cluster
  s3gw config cluster checksum versioning.enabled      sections and single settings
  s3gw config cluster --json"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("names", metavar="NAME", nargs="*", help="which; a section is all in it")


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        config = cluster_config(client)
    rows = chosen(config, args.names)
    if args.json:
        print(json_text(dict(rows) if args.names else config))
    else:
        print(table(("SETTING", "VALUE"), [(name, shown(value)) for name, value in rows], ""))
    return 0
