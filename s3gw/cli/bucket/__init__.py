"""`s3gw bucket`, one module per command."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "create": "make buckets",
    "ls": "list the buckets",
    "head": "show the main properties of a bucket",
    "props": "show, set and reset a bucket's properties",
    "summary": "count the objects and bytes in buckets",
    "inventory": "names of remote buckets, written down to list from",
    "cp": "copy a bucket, or the objects with a prefix",
    "mv": "rename a bucket",
    "rm": "remove buckets and everything in them",
}
_EXAMPLES = """\
  s3gw bucket create ais://shards
  s3gw bucket ls
  s3gw bucket summary ais://shards
  s3gw bucket cp ais://shards ais://backup

A bucket is BUCKET, ais://BUCKET or ais://#NAMESPACE/BUCKET."""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
