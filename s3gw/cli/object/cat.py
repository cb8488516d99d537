"""`s3gw object cat`"""

from __future__ import annotations

import argparse
import sys

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import add_object, connect, describe_asking
from s3gw.cli.object.reading import add_reading, wanted
from s3gw.client.files import download

_EXAMPLES = """\
  s3gw object cat ais://logs/today.log | tail
  s3gw object cat ais://shards/part-1 ais://shards/part-2 > whole
  s3gw object cat ais://logs/today.log --range=-1000
  s3gw object cat ais://shards/0001.tar --archpath labels/7.txt

An object whose checksum is wrong makes the exit code 1, when it has been printed."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_object(parser, "objects", nargs="+")
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    if args.json:
        raise Misused("--json has nothing to say here: it is the object that is printed.")
    with connect(args) as client:
        for name in args.objects:
            download(client, name, wanted(args), sys.stdout.buffer)
            sys.stdout.buffer.flush()
    return 0
