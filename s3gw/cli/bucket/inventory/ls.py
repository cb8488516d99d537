"""`s3gw bucket inventory ls`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import json_text, moment, print_table
from s3gw.client.inventories import BucketInventory, show_inventories
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket inventory ls
  s3gw bucket inventory ls s3://train
  s3gw bucket inventory ls --json | jq -r '.[].name'"""
_HEAD = ("BUCKET", "NAME", "PREFIX", "OBJECTS>", "SIZE>", "FINISHED")
_NONE = "There are no inventories. Make one with `s3gw bucket inventory create BUCKET`."
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    buckets: tuple[Bck, ...] = arguments(
        BUCKET, read=read_bucket, at_least=0, help="whose (default: of all buckets)"
    )


def run(options: Options) -> int:
    with connect(options) as client:
        asked = options.buckets or (None,)
        found = [each for bck in asked for each in client.call(show_inventories(bck))]
    if options.json:
        print(json_text([each.document for each in found]))
    else:
        print_table(_HEAD, list(map(_row, found)), _NONE)
    return 0


def _row(each: BucketInventory) -> tuple[str, ...]:
    finished = moment(each.finished_ns // _NS, "-")
    counts = (str(each.objects), size_text(each.size))
    return (each.bucket, each.name, each.prefix or "-", *counts, finished)


COMMAND = Command(Options, run, _EXAMPLES)
