"""`s3gw bucket props`"""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "show": "show a bucket's properties",
    "set": "change some of a bucket's properties",
    "reset": "set a bucket's properties to the cluster's defaults",
}
_EXAMPLES = """\
  s3gw bucket props show ais://shards
  s3gw bucket props set ais://shards versioning.enabled=true
  s3gw bucket props reset ais://shards"""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
