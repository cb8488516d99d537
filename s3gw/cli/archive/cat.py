"""`s3gw archive cat`"""

from __future__ import annotations

import argparse
import sys

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import add_object, connect, describe_asking
from s3gw.client.files import download
from s3gw.client.objects import Wanted

_EXAMPLES = """\
  s3gw archive cat ais://shards/0001.tar labels/7.txt
  s3gw archive cat ais://shards/0001.tar labels/7.txt labels/8.txt"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_object(parser, "archive")
    parser.add_argument("members", metavar="MEMBER", nargs="+")


def run(args: argparse.Namespace) -> int:
    if args.json:
        raise Misused("--json has nothing to say here: it is the member that is printed.")
    with connect(args) as client:
        for member in args.members:
            download(client, args.archive, Wanted(member=member), sys.stdout.buffer)
            sys.stdout.buffer.flush()
    return 0
