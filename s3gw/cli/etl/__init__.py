"""`s3gw etl`: each of its commands is a module."""

from __future__ import annotations

from s3gw.cli.commands import Parser, add_group

_SUMMARIES = {
    "ls": "list transformations",
    "show": "show a transformation",
    "init": "start a container that transforms",
    "start": "start a stopped transformation",
    "stop": "stop a transformation",
    "rm": "remove a transformation",
    "logs": "print what its containers wrote",
}
_EXAMPLES = """\
  s3gw etl ls                         what a cluster of AIStore transforms with
  s3gw etl logs resize

s3gw serve itself has no ETL yet, and says so."""


def define(parser: Parser) -> None:
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
