"""`s3gw cluster`: each of its commands is a module."""

from __future__ import annotations

from s3gw.cli.commands import Parser, add_group

_SUMMARIES = {
    "show": "show the nodes, their versions and how full they are",
    "health": "ask whether the cluster takes requests",
    "performance": "show the counters of the nodes",
    "log": "print the log of a node",
    "smap": "print the map of the cluster",
    "bmd": "print the map of the buckets",
}
_EXAMPLES = """\
  s3gw cluster show
  s3gw cluster health && echo good
  s3gw cluster performance --filter get"""


def define(parser: Parser) -> None:
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
