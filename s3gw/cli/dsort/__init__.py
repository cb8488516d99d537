"""`s3gw dsort`, one module per command."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "start": "sort the records of shards into new shards",
    "ls": "list dsorts",
    "show": "show a dsort",
    "wait": "wait until a dsort is over",
    "abort": "stop a dsort and remove what it made",
    "rm": "forget a dsort that is over",
}
_EXAMPLES = """\
  s3gw dsort start spec.json          with progress, until it is over
  s3gw dsort start spec.yaml --no-wait
  s3gw dsort ls
  s3gw dsort abort ID"""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
