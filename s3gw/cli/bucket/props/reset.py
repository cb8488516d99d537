"""`s3gw bucket props reset`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_bucket, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.buckets import reset_bucket_props

_EXAMPLES = """\
  s3gw bucket props reset ais://shards"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_bucket(parser)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        xid = reset_bucket_props(client, args.bucket)
    if args.json:
        print(json_text({"bucket": str(args.bucket), "job": xid}))
    else:
        print(f"{args.bucket} has the cluster's properties.")
    return 0
