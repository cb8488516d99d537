"""`s3gw bucket inventory show`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, option
from s3gw.cli.parsing import FAILED, Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import json_text, moment, print_table
from s3gw.client.inventories import BucketInventory, show_inventories
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket inventory show s3://train      exit code 1 without one
  s3gw bucket inventory show s3://train --name epoch-1 --json"""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    bucket: Bck = argument(BUCKET, read=read_bucket)
    name: str = option("NAME", default="", help="which (default: the one that there is)")


def run(options: Options) -> int:
    with connect(options) as client:
        found = client.call(show_inventories(options.bucket, options.name))
    if options.json:
        print(json_text([each.document for each in found]))
    else:
        none = f"{options.bucket} has no such inventory."
        print_table(("PROPERTY", "VALUE"), [row for each in found for row in _rows(each)], none)
    return 0 if found else FAILED


def _rows(each: BucketInventory) -> list[tuple[str, str]]:
    return [
        ("name", each.name),
        ("bucket", each.bucket),
        ("prefix", each.prefix or "-"),
        ("objects", str(each.objects)),
        ("chunks", str(each.document.get("chunks", 0))),
        ("size", size_text(each.size)),
        ("started", moment(each.started_ns // _NS, "-")),
        ("finished", moment(each.finished_ns // _NS, "-")),
    ]


COMMAND = Command(Options, run, _EXAMPLES)
