"""`s3gw object promote`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_place, connect, describe_asking
from s3gw.cli.following import add_waiting, follow
from s3gw.cli.tables import json_text
from s3gw.client.objects import PromoteOrders, promote

_EXAMPLES = """\
  s3gw object promote /mnt/import/0001.tar ais://shards/0001.tar
  s3gw object promote /mnt/import ais://shards/train/ --recursive

The path is one on the server's machine, below the folders that its setting promote.roots names."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("path", metavar="PATH", help="a file or folder of the server's machine")
    add_place(parser, "target")
    parser.add_argument("-r", "--recursive", action="store_true", help="folders within, too")
    parser.add_argument("--overwrite", action="store_true", help="objects that are there")
    parser.add_argument("--delete-source", action="store_true", help="remove the files then")
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    orders = PromoteOrders(args.recursive, args.overwrite, args.delete_source)
    with connect(args) as client:
        xid = promote(client, args.path, args.target, orders)
        if xid:
            return follow(args, client, xid, f"Promoted {args.path} to {args.target}")
    told = {"source": args.path, "target": str(args.target)}
    print(json_text(told) if args.json else f"Promoted {args.path} to {args.target}.")
    return 0
