"""`s3gw cluster`, one module per command."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "show": "show the nodes, their version and capacity",
    "health": "check whether the cluster accepts requests",
    "doctor": "check whether the database of a cluster can keep what s3gw promises",
    "performance": "show the counters of the nodes",
    "log": "print the log of a node",
    "smap": "print the map of the cluster",
    "bmd": "print the map of the buckets",
    "remote": "list the attached clusters",
    "attach": "attach another cluster, to read its buckets",
    "detach": "detach another cluster",
    "adopt": "take the store of one machine into a cluster of several",
}
_EXAMPLES = """\
  s3gw cluster show
  s3gw cluster health && echo good
  s3gw cluster doctor --config s3gw.toml
  s3gw cluster performance --filter get
  s3gw cluster attach far http://far.example.com:8080
  s3gw cluster adopt --config /etc/s3gw.toml --dry-run"""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
