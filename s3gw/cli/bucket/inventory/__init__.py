"""`s3gw bucket inventory`"""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "create": "write down the names of a remote bucket, to list from",
    "ls": "list the inventories of a bucket, or of all",
    "show": "show an inventory of a bucket",
    "rm": "remove the inventory of a bucket",
}
_EXAMPLES = """\
  s3gw bucket inventory create s3://train
  s3gw bucket inventory ls
  s3gw object ls s3://train --inventory
  s3gw bucket inventory rm s3://train"""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
