"""`s3gw object mv`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_object, add_place, connect, describe_asking
from s3gw.cli.object.cp import target_for
from s3gw.cli.tables import json_text
from s3gw.client.objects import copy_object, delete_object, rename_object

_EXAMPLES = """\
  s3gw object mv ais://shards/0001.tar ais://shards/train/0001.tar
  s3gw object mv ais://shards/0001.tar ais://shards/train/         keeps its last name
  s3gw object mv ais://shards/0001.tar ais://old                   copies, then removes

Within a bucket no byte is moved."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_object(parser, "source")
    add_place(parser, "target")


def run(args: argparse.Namespace) -> int:
    target = target_for(args.source, args.target)
    with connect(args) as client:
        if target.bck == args.source.bck:
            rename_object(client, args.source, target.key)
        else:
            copy_object(client, args.source, target)
            delete_object(client, args.source)
    told = {"source": str(args.source), "target": str(target)}
    print(json_text(told) if args.json else f"Moved {args.source} to {target}.")
    return 0
