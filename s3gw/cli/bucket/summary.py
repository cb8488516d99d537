"""`s3gw bucket summary`"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from s3gw.cli.arguments import PLACE
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments
from s3gw.cli.parsing import Command
from s3gw.cli.progress import LiveLine, size_text
from s3gw.cli.tables import json_text, print_table
from s3gw.client.buckets import Summary, list_buckets, summarize
from s3gw.client.names import ObjectName, read_place
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw bucket summary                        of all buckets
  s3gw bucket summary ais://shards
  s3gw bucket summary ais://shards/train/    of what begins with train/
  s3gw bucket summary --json"""
_HEAD = ("BUCKET", "OBJECTS>", "SIZE>", "SMALLEST>", "LARGEST>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    places: tuple[ObjectName, ...] = arguments(
        PLACE, read=read_place, at_least=0, help="which (default: all buckets)"
    )


def run(options: Options) -> int:
    with connect(options) as client:
        places = options.places or [ObjectName(bck) for bck in client.call(list_buckets())]
        with LiveLine(sys.stderr) as line:
            summaries = [_summary(client, place, line) for place in places]
    if options.json:
        print(json_text([summary.document for summary in summaries]))
    else:
        rows = [_row(place, each) for place, each in zip(places, summaries, strict=True)]
        print_table(_HEAD, rows, "There are no buckets. Make one with `s3gw bucket create NAME`.")
    return 0


def _summary(client: Client, place: ObjectName, line: LiveLine) -> Summary:
    line.show(f"counting {place}")
    return client.run(summarize(place.bck, place.key))


def _row(place: ObjectName, summary: Summary) -> tuple[str, ...]:
    sizes = (summary.size, summary.smallest, summary.largest)
    return (str(place), str(summary.objects), *map(size_text, sizes))


COMMAND = Command(Options, run, _EXAMPLES)
