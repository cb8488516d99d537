"""`s3gw config set`"""

from __future__ import annotations

import argparse

from s3gw.cli.bucket.properties import flat, shown
from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import PAIR, connect, describe_asking, pair, pairs_in
from s3gw.cli.tables import json_text
from s3gw.client.cluster import cluster_config, set_config

_EXAMPLES = """\
  s3gw config set checksum.type=md5                 of buckets that are made from now on
  s3gw config set versioning.enabled=true --transient

All of them are changed, or none. Transient changes end with the server's process."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("pairs", metavar=PAIR, nargs="+", type=pair)
    parser.add_argument("--transient", action="store_true", help="until the next start")


def run(args: argparse.Namespace) -> int:
    pairs = pairs_in(args.pairs)
    with connect(args) as client:
        set_config(client, pairs, is_transient=args.transient)
        now = dict(flat(cluster_config(client)))
    changed = {name: now.get(name) for name in pairs}
    if args.json:
        print(json_text(changed))
    else:
        print("\n".join(f"{name} = {shown(value)}" for name, value in changed.items()))
    return 0
