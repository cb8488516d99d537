"""`s3gw object cp`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.copying import add_copying, copy_orders
from s3gw.cli.endpoint import add_place, connect, describe_asking
from s3gw.cli.following import add_waiting, follow
from s3gw.cli.selecting import add_selection, is_many, selection
from s3gw.cli.tables import json_text
from s3gw.client.names import ObjectName
from s3gw.client.objects import copy_many, copy_object

_EXAMPLES = """\
  s3gw object cp ais://shards/0001.tar ais://backup                  under the same name
  s3gw object cp ais://shards/0001.tar ais://shards/copy.tar
  s3gw object cp ais://shards ais://backup --prefix train/
  s3gw object cp ais://shards ais://backup --template '{0001..0100}.tar' --prepend 2026/
  s3gw object cp ais://shards ais://backup --list names.txt --continue-on-error

The bytes do not leave the server. Many objects are copied by a job."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_place(parser, "source")
    add_place(parser, "target")
    add_selection(parser)
    add_copying(parser)
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    return _copy_many(args) if is_many(args) else _copy_one(args)


def _copy_one(args: argparse.Namespace) -> int:
    target = target_for(args.source, args.target)
    with connect(args) as client:
        copy_object(client, args.source, target)
    told = {"source": str(args.source), "target": str(target)}
    print(json_text(told) if args.json else f"Copied {args.source} to {target}.")
    return 0


def _copy_many(args: argparse.Namespace) -> int:
    bck, chosen = selection(args, [args.source])
    if args.target.key:
        raise Misused(f"Many objects go to a bucket: {args.target.bck}; --prepend begins names.")
    with connect(args) as client:
        xid = copy_many(client, bck, args.target.bck, chosen, copy_orders(args))
        would = "Would copy" if args.dry_run else "Copied"
        return follow(args, client, xid, f"{would} from {bck} to {args.target}")


def target_for(source: ObjectName, target: ObjectName) -> ObjectName:
    """The name that the copy of one object gets. Raises `Misused`."""
    if not source.key:
        raise Misused(
            f"{source} is a bucket: name an object, or give --prefix, --template, --list or --all."
        )
    if not target.key:
        return ObjectName(target.bck, source.key)
    if target.key.endswith("/"):
        return ObjectName(target.bck, target.key + source.base)
    return target
