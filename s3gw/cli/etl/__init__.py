"""`s3gw etl`, one module per command."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "ls": "list transformations",
    "show": "show a transformation",
    "init": "start a container that transforms",
    "start": "start a stopped transformation",
    "stop": "stop a transformation",
    "rm": "remove a transformation",
    "logs": "print the output of its containers",
}
_EXAMPLES = """\
  s3gw etl ls                         the transformations of an AIStore cluster
  s3gw etl logs resize

s3gw serve itself has no ETL yet, and refuses these commands."""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
