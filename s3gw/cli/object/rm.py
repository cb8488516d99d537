"""`s3gw object rm`"""

from __future__ import annotations

import argparse

from s3gw.cli.asking import add_yes, confirmed
from s3gw.cli.commands import FAILED, Misused, Parser
from s3gw.cli.endpoint import add_place, connect, describe_asking
from s3gw.cli.following import add_waiting, follow
from s3gw.cli.selecting import HELP, add_selection, is_many, selection
from s3gw.cli.tables import json_text
from s3gw.client.objects import delete_many, delete_object

_EXAMPLES = f"""\
  s3gw object rm ais://shards/0001.tar ais://shards/0002.tar
  s3gw object rm ais://shards --prefix train/               asks
  s3gw object rm ais://shards --template 'train/{{0001..0100}}.tar' --yes
  s3gw object ls ais://logs --names --regex 2019 | s3gw object rm ais://logs --list - --yes

Many objects are removed by a job. {HELP}"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_place(parser, "places", nargs="+")
    add_selection(parser)
    add_yes(parser)
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    return _remove_many(args) if is_many(args) else _remove_named(args)


def _remove_named(args: argparse.Namespace) -> int:
    if bare := [place for place in args.places if not place.key]:
        raise Misused(
            f"{bare[0]} is a bucket: name objects, or give --prefix, --template, --list or --all."
        )
    with connect(args) as client:
        for name in args.places:
            delete_object(client, name)
            if not args.json:
                print(f"Removed {name}.")
    if args.json:
        print(json_text({"removed": [str(name) for name in args.places]}))
    return 0


def _remove_many(args: argparse.Namespace) -> int:
    bck, chosen = selection(args, args.places)
    what = f"the {len(chosen.names)} listed" if chosen.names else _which(args)
    if not confirmed(args, f"Remove {what} from {bck}?"):
        return FAILED
    with connect(args) as client:
        xid = delete_many(client, bck, chosen)
        return follow(args, client, xid, f"Removed from {bck}")


def _which(args: argparse.Namespace) -> str:
    if args.all:
        return "everything"
    if args.template:
        return f"what the template {args.template} names"
    return f"all that begins with {args.prefix}"
