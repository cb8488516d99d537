"""`s3gw object set-custom`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import PAIR, add_object, connect, describe_asking, pair, pairs_in
from s3gw.cli.tables import json_text
from s3gw.client.objects import set_custom

_EXAMPLES = """\
  s3gw object set-custom ais://shards/0001.tar epoch=3 source=camera
  s3gw object set-custom ais://shards/0001.tar epoch=4 --replace     and no others

They are what S3 calls user metadata: at most 2 KiB, and names that a header can have."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_object(parser)
    parser.add_argument("pairs", metavar=PAIR, nargs="*", type=pair)
    parser.add_argument("--replace", action="store_true", help="remove those that are not named")


def run(args: argparse.Namespace) -> int:
    pairs = pairs_in(args.pairs)
    if not pairs and not args.replace:
        raise Misused("Name a property, or --replace to remove all.")
    with connect(args) as client:
        set_custom(client, args.object, pairs, replaces=args.replace)
    print(json_text({"object": str(args.object), "custom": pairs}) if args.json else "Done.")
    return 0
