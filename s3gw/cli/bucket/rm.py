"""`s3gw bucket rm`"""

from __future__ import annotations

import argparse

from s3gw.cli.asking import add_yes, confirmed
from s3gw.cli.commands import FAILED, Parser
from s3gw.cli.endpoint import add_bucket, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.buckets import destroy_bucket

_EXAMPLES = """\
  s3gw bucket rm ais://shards            asks
  s3gw bucket rm train test --yes        does not

Everything that is in the bucket is removed with it."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_bucket(parser, "buckets", nargs="+")
    add_yes(parser)


def run(args: argparse.Namespace) -> int:
    named = ", ".join(map(str, args.buckets))
    if not confirmed(args, f"Remove {named} and everything in it?"):
        return FAILED
    with connect(args) as client:
        for bck in args.buckets:
            destroy_bucket(client, bck)
            if not args.json:
                print(f"Removed {bck}.")
    if args.json:
        print(json_text({"removed": [str(bck) for bck in args.buckets]}))
    return 0
