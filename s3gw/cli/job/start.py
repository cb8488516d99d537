"""`s3gw job start`"""

from __future__ import annotations

import argparse
import re
from typing import Any

from s3gw.cli.bucket.properties import nested
from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import (
    KIND,
    PAIR,
    add_bucket,
    connect,
    describe_asking,
    pair,
    pairs_in,
)
from s3gw.cli.following import follow
from s3gw.client.jobs import start_job, start_on_bucket
from s3gw.client.transport import Client

_EXAMPLES = """\
  s3gw job start cleanup
  s3gw job start lru ais://shards --wait
  s3gw job start rechunk ais://shards --with objsize-limit=64MiB --with chunk-size=16MiB

Copies, removals and archives of many objects are jobs, too: `s3gw bucket cp`, `s3gw object rm`,
`s3gw archive create` start them. docs/jobs.md lists the kinds."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("kind", metavar=KIND)
    add_bucket(parser, "buckets", nargs="*")
    parser.add_argument(
        "--with",
        dest="orders",
        metavar=PAIR,
        action="append",
        type=pair,
        default=[],
        help="how, as rechunk's chunk-size; may be repeated",
    )
    parser.add_argument("--node", metavar="NODE", default="", help="on this target only")
    parser.add_argument("--force", action="store_true", help="even where another job forbids it")
    parser.add_argument("--wait", action="store_true", help="until it is done")
    parser.set_defaults(timeout=0.0)


_UNITS = {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_SIZE = re.compile(r"(\d+)([KMGT]iB)", re.IGNORECASE)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        xid = _start(args, client)
        args.no_wait = not args.wait
        return follow(args, client, xid, f"Done with {args.kind}")


def _start(args: argparse.Namespace, client: Client) -> str:
    if not args.orders:
        return start_job(client, args.kind, args.buckets, node=args.node, force=args.force)
    if len(args.buckets) != 1:
        raise Misused(f"--with: such a {args.kind} is about one bucket: name it.")
    sizes = {name: _in_bytes(text) for name, text in pairs_in(args.orders).items()}
    orders: Any = nested(sizes)
    if set(orders) == {"copies"}:
        # The one order that AIStore has as a bare number.
        orders = orders["copies"]
    return start_on_bucket(client, args.kind, args.buckets[0], orders)


def _in_bytes(text: str) -> str:
    """A size as the number that orders have; what is none as it is."""
    match = _SIZE.fullmatch(text)
    return str(int(match[1]) * _UNITS[match[2].upper()]) if match else text
