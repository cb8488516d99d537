"""`s3gw bucket props set`"""

from __future__ import annotations

import argparse

from s3gw.cli.bucket.properties import flat, nested, shown
from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import PAIR, add_bucket, connect, describe_asking, pair, pairs_in
from s3gw.cli.tables import json_text
from s3gw.client.buckets import bucket_props, set_bucket_props

_EXAMPLES = """\
  s3gw bucket props set ais://shards versioning.enabled=true
  s3gw bucket props set ais://shards checksum.type=md5 access=ro
  s3gw bucket props set ais://shards chunks.objsize_limit=1GiB chunks.chunk_size=64MiB

All of them are changed, or none."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_bucket(parser)
    parser.add_argument("pairs", metavar=PAIR, nargs="+", type=pair)


def run(args: argparse.Namespace) -> int:
    props = nested(pairs_in(args.pairs))
    with connect(args) as client:
        xid = set_bucket_props(client, args.bucket, props)
        now = dict(flat(bucket_props(client, args.bucket)))
    changed = {name: now.get(name) for name, _ in args.pairs}
    if args.json:
        print(json_text({"props": changed, "job": xid}))
        return 0
    for name, value in changed.items():
        print(f"{name} = {shown(value)}")
    if xid:
        print(f"The objects follow: s3gw job wait {xid}")
    return 0
