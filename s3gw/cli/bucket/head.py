"""`s3gw bucket head`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET
from s3gw.cli.bucket.ls import access_text
from s3gw.cli.bucket.properties import shown
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, switch
from s3gw.cli.parsing import Command
from s3gw.cli.tables import facts, json_text, moment
from s3gw.client.buckets import bucket_props
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket head ais://shards
  s3gw bucket head ais://shards --json | jq .versioning
  s3gw bucket head s3://train --dont-add
  s3gw bucket head ais://shards >/dev/null 2>&1 || s3gw bucket create ais://shards

The exit code is 1 when the bucket does not exist. `s3gw bucket props show` shows every property."""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    bucket: Bck = argument(BUCKET, read=read_bucket)
    dont_add: bool = switch(help="a bucket of a cloud that is not known stays so")


def run(options: Options) -> int:
    with connect(options) as client:
        props = client.call(bucket_props(options.bucket, dont_add=options.dont_add))
    if options.json:
        print(json_text(props))
        return 0
    backend = (props.get("backend_bck") or {}).get("name", "")
    rows = [
        ("bucket", str(options.bucket)),
        ("created", moment(int(props.get("created") or 0) // _NS, "-")),
        ("id", shown(props.get("bid"))),
        ("versions", shown((props.get("versioning") or {}).get("enabled"))),
        ("checksum", shown((props.get("checksum") or {}).get("type"))),
        ("access", access_text(props)),
        ("backend", shown(backend)),
    ]
    print(facts(rows))
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
