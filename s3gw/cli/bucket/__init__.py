"""`s3gw bucket`: each of its commands is a module."""

from __future__ import annotations

from s3gw.cli.commands import Parser, add_group

_SUMMARIES = {
    "create": "make buckets",
    "ls": "list the buckets",
    "head": "show what a bucket is",
    "props": "show, set and reset a bucket's properties",
    "summary": "count the objects and bytes in buckets",
    "cp": "copy a bucket, or what begins with a prefix",
    "mv": "give a bucket another name",
    "rm": "remove buckets with all that is in them",
}
_EXAMPLES = """\
  s3gw bucket create ais://shards
  s3gw bucket ls
  s3gw bucket summary ais://shards
  s3gw bucket cp ais://shards ais://backup

A bucket is BUCKET, ais://BUCKET or ais://#NAMESPACE/BUCKET."""


def define(parser: Parser) -> None:
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
