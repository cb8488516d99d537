"""`s3gw bucket cp`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.copying import add_copying, copy_orders
from s3gw.cli.endpoint import add_bucket, add_place, connect, describe_asking
from s3gw.cli.following import add_waiting, follow
from s3gw.client.buckets import copy_bucket

_EXAMPLES = """\
  s3gw bucket cp ais://shards ais://backup
  s3gw bucket cp ais://shards/train/ ais://train         what begins with train/
  s3gw bucket cp ais://shards ais://backup --prepend 2026/ --dry-run
  s3gw bucket cp ais://shards ais://backup --no-wait     prints the id of the job

A target that is missing is made."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_place(parser, "source")
    add_bucket(parser, "target")
    add_copying(parser)
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    orders = copy_orders(args, prefix=args.source.key)
    with connect(args) as client:
        xid = copy_bucket(client, args.source.bck, args.target, orders)
        would = "Would copy" if args.dry_run else "Copied"
        return follow(args, client, xid, f"{would} {args.source} to {args.target}")
