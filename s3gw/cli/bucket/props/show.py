"""`s3gw bucket props show`"""

from __future__ import annotations

import argparse

from s3gw.cli.bucket.properties import chosen, shown
from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_bucket, connect, describe_asking
from s3gw.cli.tables import json_text, table
from s3gw.client.buckets import bucket_props

_EXAMPLES = """\
  s3gw bucket props show ais://shards
  s3gw bucket props show ais://shards versioning checksum.type
  s3gw bucket props show ais://shards --json"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_bucket(parser)
    parser.add_argument("names", metavar="NAME", nargs="*", help="which; a section is all in it")


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        props = bucket_props(client, args.bucket)
    rows = chosen(props, args.names)
    if args.json:
        print(json_text(dict(rows) if args.names else props))
    else:
        print(table(("PROPERTY", "VALUE"), [(name, shown(value)) for name, value in rows], ""))
    return 0
