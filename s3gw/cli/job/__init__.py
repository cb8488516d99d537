"""`s3gw job`: each of its commands is a module."""

from __future__ import annotations

from s3gw.cli.commands import Parser, add_group

_SUMMARIES = {
    "ls": "list jobs",
    "show": "show a job",
    "wait": "wait until jobs are done",
    "start": "start a job",
    "stop": "stop jobs",
}
_EXAMPLES = """\
  s3gw job ls                         those that run
  s3gw job start cleanup
  s3gw job wait ID
  s3gw job stop ID"""


def define(parser: Parser) -> None:
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
