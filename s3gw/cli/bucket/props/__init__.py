"""`s3gw bucket props`"""

from __future__ import annotations

from s3gw.cli.commands import Parser, add_group

_SUMMARIES = {
    "show": "show a bucket's properties",
    "set": "change some of a bucket's properties",
    "reset": "give a bucket the cluster's properties again",
}
_EXAMPLES = """\
  s3gw bucket props show ais://shards
  s3gw bucket props set ais://shards versioning.enabled=true
  s3gw bucket props reset ais://shards"""


def define(parser: Parser) -> None:
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
