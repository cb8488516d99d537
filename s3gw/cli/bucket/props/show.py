"""`s3gw bucket props show`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET
from s3gw.cli.bucket.properties import chosen, shown
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, arguments
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text, print_table
from s3gw.client.buckets import bucket_props
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket props show ais://shards
  s3gw bucket props show ais://shards versioning checksum.type
  s3gw bucket props show ais://shards --json"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    bucket: Bck = argument(BUCKET, read=read_bucket)
    names: tuple[str, ...] = arguments(
        "NAME", at_least=0, help="properties or sections (default: all)"
    )


def run(options: Options) -> int:
    with connect(options) as client:
        props = client.call(bucket_props(options.bucket))
    rows = chosen(props, options.names)
    if options.json:
        print(json_text(dict(rows) if options.names else props))
    else:
        print_table(("PROPERTY", "VALUE"), [(name, shown(value)) for name, value in rows])
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
