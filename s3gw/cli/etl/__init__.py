"""`s3gw etl`, one module per command."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "ls": "list transformations",
    "show": "show a transformation",
    "init": "start a transformer",
    "start": "start a stopped transformation",
    "stop": "stop a transformation",
    "rm": "remove a transformation",
    "logs": "print the output of its programs",
    "bucket": "transform the objects of a bucket",
}
_EXAMPLES = """\
  s3gw etl init resize --file resize.py
  s3gw object get ais://photos/1.jpg small.jpg --etl resize
  s3gw etl bucket resize ais://photos ais://small
  s3gw etl logs resize

The server must have been started with --etl."""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
