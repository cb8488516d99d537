"""`s3gw archive create`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import add_bucket, add_object, connect, describe_asking
from s3gw.cli.following import add_waiting, follow
from s3gw.cli.selecting import HELP, add_selection, is_many, selection
from s3gw.client.names import ObjectName
from s3gw.client.objects import ArchiveOrders, archive_many

_EXAMPLES = f"""\
  s3gw archive create ais://samples ais://shards/0001.tar --template 'img-{{0000..0999}}.jpg'
  s3gw archive create ais://samples ais://shards/all.tar --prefix train/ --no-wait
  s3gw archive create ais://samples ais://shards/0001.tar --list names.txt --append

{HELP}"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_bucket(parser, "source")
    add_object(parser, "archive")
    add_selection(parser)
    parser.add_argument("--mime", metavar="FORMAT", default="", help=".tar, .tgz, .zip, .tar.lz4")
    parser.add_argument("--append", action="store_true", help="to an archive that is there")
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--bare", action="store_true", help="names of members without folders")
    names.add_argument(
        "--with-bucket", action="store_true", help="names of members begin with the bucket's"
    )
    parser.add_argument("--flat", action="store_true", help="of a prefix, nothing in folders")
    parser.add_argument(
        "--continue-on-error", action="store_true", help="pass over what is missing"
    )
    add_waiting(parser)


def run(args: argparse.Namespace) -> int:
    if not is_many(args):
        raise Misused("Say which objects: --prefix, --template, --list or --all.")
    bck, chosen = selection(args, [ObjectName(args.source)])
    orders = ArchiveOrders(
        mime=args.mime,
        with_bucket=args.with_bucket,
        appends=args.append,
        goes_on=args.continue_on_error,
        bare=args.bare,
        flat=args.flat,
    )
    with connect(args) as client:
        xid = archive_many(client, bck, args.archive, chosen, orders)
        return follow(args, client, xid, f"Archived from {bck} in {args.archive}")
