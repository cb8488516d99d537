"""Flags of commands that copy many objects."""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.client.buckets import CopyOrders


def add_copying(parser: Parser) -> None:
    group = parser.add_argument_group("how many objects are copied")
    group.add_argument(
        "--prepend", metavar="TEXT", default="", help="what the names of the copies begin with"
    )
    group.add_argument("--dry-run", action="store_true", help="count, and copy nothing")
    group.add_argument("--force", action="store_true", help="even where another job forbids it")
    group.add_argument(
        "--latest", action="store_true", help="of cloud buckets, the newest that is there"
    )
    group.add_argument(
        "--sync", action="store_true", help="also remove what the source has no more"
    )
    group.add_argument(
        "--continue-on-error", action="store_true", help="pass over what cannot be copied"
    )
    group.add_argument(
        "--workers", metavar="N", type=int, default=0, help="how many are copied at once"
    )


def copy_orders(args: argparse.Namespace, prefix: str = "") -> CopyOrders:
    return CopyOrders(
        prefix=prefix,
        prepend=args.prepend,
        dry_run=args.dry_run,
        force=args.force,
        latest=args.latest,
        sync=args.sync,
        goes_on=args.continue_on_error,
        workers=args.workers,
    )
