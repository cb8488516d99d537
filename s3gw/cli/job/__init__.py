"""`s3gw job`, one module per command."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "ls": "list jobs",
    "show": "show a job",
    "wait": "wait until jobs are done",
    "start": "start a job",
    "stop": "stop jobs",
    "download": "download from the web into a bucket",
}
_EXAMPLES = """\
  s3gw job ls                         running jobs
  s3gw job start cleanup
  s3gw job wait ID
  s3gw job stop ID"""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
