"""`s3gw object prefetch`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_place, connect, describe_asking
from s3gw.cli.following import add_waiting, follow
from s3gw.cli.selecting import HELP, add_selection, selection
from s3gw.client.buckets import CopyOrders
from s3gw.client.objects import prefetch_many

_EXAMPLES = f"""\
  s3gw object prefetch s3://shards/0001.tar s3://shards/0002.tar
  s3gw object prefetch s3://shards --template '{{0001..0100}}.tar'
  s3gw object prefetch s3://shards --prefix train/ --latest

Buckets without a cloud behind them are refused. {HELP}"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_place(parser, "places", nargs="+")
    add_selection(parser)
    parser.add_argument("--latest", action="store_true", help="ask the cloud for newer ones")
    parser.add_argument("--workers", metavar="N", type=int, default=0, help="so many at once")
    parser.add_argument("--continue-on-error", action="store_true", help="pass over what fails")
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    bck, chosen = selection(args, args.places)
    orders = CopyOrders(latest=args.latest, goes_on=args.continue_on_error, workers=args.workers)
    with connect(args) as client:
        xid = prefetch_many(client, bck, chosen, orders)
        return follow(args, client, xid, f"Prefetched into {bck}")
