"""`s3gw bucket mv`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_bucket, connect, describe_asking
from s3gw.cli.following import add_waiting, follow
from s3gw.client.buckets import rename_bucket

_EXAMPLES = """\
  s3gw bucket mv ais://shards ais://old-shards
  s3gw bucket mv shards old-shards --no-wait     prints the id of the job"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_bucket(parser)
    add_bucket(parser, "new_name")
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        xid = rename_bucket(client, args.bucket, args.new_name)
        done = f"Renamed {args.bucket} to {args.new_name}"
        return follow(args, client, xid, done, is_counted=False)
