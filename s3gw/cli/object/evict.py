"""`s3gw object evict`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_place, connect, describe_asking
from s3gw.cli.following import add_waiting, follow
from s3gw.cli.selecting import HELP, add_selection, selection
from s3gw.client.objects import evict_many

_EXAMPLES = f"""\
  s3gw object evict s3://shards/0001.tar
  s3gw object evict s3://shards --prefix train/
  s3gw object evict s3://shards --all

The cloud keeps its objects; buckets without a cloud behind them are refused. {HELP}"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_place(parser, "places", nargs="+")
    add_selection(parser)
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    bck, chosen = selection(args, args.places)
    with connect(args) as client:
        return follow(args, client, evict_many(client, bck, chosen), f"Evicted from {bck}")
