"""`s3gw bucket summary`"""

from __future__ import annotations

import argparse
import sys

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_place, connect, describe_asking
from s3gw.cli.progress import LiveLine, size_text
from s3gw.cli.tables import json_text, table
from s3gw.client.buckets import Summary, list_buckets, summarize
from s3gw.client.names import ObjectName
from s3gw.client.transport import Client

_EXAMPLES = """\
  s3gw bucket summary                        of all buckets
  s3gw bucket summary ais://shards
  s3gw bucket summary ais://shards/train/    of what begins with train/
  s3gw bucket summary --json"""
_HEAD = ("BUCKET", "OBJECTS>", "SIZE>", "SMALLEST>", "LARGEST>")


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_place(parser, "places", nargs="*", help="which; none means all buckets")


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        places = args.places or [ObjectName(bck) for bck in list_buckets(client)]
        with LiveLine(sys.stderr) as line:
            counted = [_counted(client, place, line) for place in places]
    if args.json:
        print(json_text([summary.document for summary in counted]))
    else:
        rows = [_row(place, each) for place, each in zip(places, counted, strict=True)]
        print(table(_HEAD, rows, "There are no buckets. Make one with `s3gw bucket create NAME`."))
    return 0


def _counted(client: Client, place: ObjectName, line: LiveLine) -> Summary:
    line.show(f"counting {place}")
    return summarize(client, place.bck, place.key)


def _row(place: ObjectName, told: Summary) -> tuple[str, ...]:
    sizes = (told.size, told.smallest, told.largest)
    return (str(place), str(told.objects), *map(size_text, sizes))
