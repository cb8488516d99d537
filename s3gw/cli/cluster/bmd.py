"""`s3gw cluster bmd`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from s3gw.cli.bucket.ls import access_text
from s3gw.cli.bucket.properties import shown
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text, moment, print_table
from s3gw.client.cluster import bucket_map

_EXAMPLES = """\
  s3gw cluster bmd
  s3gw cluster bmd --json | jq .version"""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    """The options of every command."""


def run(options: Options) -> int:
    with connect(options) as client:
        bmd = client.call(bucket_map())
    if options.json:
        print(json_text(bmd))
        return 0
    head = ("PROVIDER", "NAMESPACE", "BUCKET", "ID", "CREATED", "ACCESS")
    print_table(head, list(_rows(bmd)), "There are no buckets.")
    print(f"\nversion {bmd.get('version')} of the buckets of {bmd.get('uuid')}")
    return 0


def _rows(bmd: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for provider, spaces in (bmd.get("providers") or {}).items():
        for space, buckets in spaces.items():
            for name, props in sorted(buckets.items()):
                created = moment(int(props.get("created") or 0) // _NS, "-")
                ours = "-" if space == "@#" else space
                yield provider, ours, name, shown(props.get("bid")), created, access_text(props)


COMMAND = Command(Options, run, _EXAMPLES)
