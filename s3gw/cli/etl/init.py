"""`s3gw etl init`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import ETL, PAIR, connect, describe_asking, pair, pairs_in
from s3gw.cli.tables import json_text
from s3gw.client.etl import EtlOrders, init_etl

_EXAMPLES = """\
  s3gw etl init resize --image aistorage/transformer_md5:latest
  s3gw etl init resize --image registry/resize --communication hpull --env SIZE=224"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add = parser.add_argument
    add("etl", metavar=ETL)
    add("--image", metavar="IMAGE", required=True, help="of the container that transforms")
    add("--communication", default="hpush", choices=("hpush", "hpull", "ws"),
        help="how it gets the objects (default: %(default)s)")  # fmt: skip
    add("--env", metavar=PAIR, action="append", type=pair, default=[],
        help="a variable of the container; may be repeated")  # fmt: skip
    add("--exec", metavar="WORD", dest="command", nargs="+", default=[],
        help="the command of the container, in words")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    env = pairs_in(args.env)
    orders = EtlOrders(args.etl, args.image, args.communication, args.command, env)
    with connect(args) as client:
        job = init_etl(client, orders)
    print(json_text({"etl": args.etl, "job": job}) if args.json else f"Started {args.etl} ({job}).")
    return 0
