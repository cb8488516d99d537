"""`s3gw bucket head`"""

from __future__ import annotations

import argparse

from s3gw.cli.bucket.ls import access_text
from s3gw.cli.bucket.properties import shown
from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import add_bucket, connect, describe_asking
from s3gw.cli.tables import facts, json_text, moment
from s3gw.client.buckets import bucket_props

_EXAMPLES = """\
  s3gw bucket head ais://shards
  s3gw bucket head ais://shards --json | jq .versioning
  s3gw bucket head ais://shards >/dev/null 2>&1 || s3gw bucket create ais://shards

The exit code is 1 when there is no such bucket. `s3gw bucket props show` shows every property."""
_NS = 1_000_000_000


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    add_bucket(parser)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        props = bucket_props(client, args.bucket)
    if args.json:
        print(json_text(props))
        return 0
    backend = (props.get("backend_bck") or {}).get("name", "")
    rows = [
        ("bucket", str(args.bucket)),
        ("created", moment(int(props.get("created") or 0) // _NS, "-")),
        ("id", shown(props.get("bid"))),
        ("versions", shown((props.get("versioning") or {}).get("enabled"))),
        ("checksum", shown((props.get("checksum") or {}).get("type"))),
        ("access", access_text(props)),
        ("backend", shown(backend)),
    ]
    print(facts(rows))
    return 0
