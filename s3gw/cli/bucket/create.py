"""`s3gw bucket create`"""

from __future__ import annotations

import argparse

from s3gw.cli.bucket.properties import nested
from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import PAIR, add_bucket, connect, describe_asking, pair, pairs_in
from s3gw.cli.tables import json_text
from s3gw.client.buckets import create_bucket
from s3gw.client.errors import ClientError

_EXAMPLES = """\
  s3gw bucket create ais://shards
  s3gw bucket create train validate test
  s3gw bucket create ais://shards --props checksum.type=md5 --props access=ro
  s3gw bucket create ais://shards --exist-ok      for scripts: one that is there is good"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_bucket(parser, "buckets", nargs="+")
    parser.add_argument(
        "--props",
        metavar=PAIR,
        action="append",
        type=pair,
        default=[],
        help="as `s3gw bucket props show` names them; may be repeated",
    )
    parser.add_argument("--exist-ok", action="store_true", help="leave one that is there as it is")


def run(args: argparse.Namespace) -> int:
    props = nested(pairs_in(args.props))
    made = []
    with connect(args) as client:
        for bck in args.buckets:
            try:
                create_bucket(client, bck, props)
                made.append(str(bck))
            except ClientError as error:
                if not (args.exist_ok and error.status == 409):
                    raise
            if not args.json:
                print(f"Made {bck}." if str(bck) in made else f"{bck} is there already.")
    if args.json:
        print(json_text({"made": made}))
    return 0
