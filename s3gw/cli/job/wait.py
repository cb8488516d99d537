"""`s3gw job wait`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import JOB, connect, describe_asking
from s3gw.cli.following import follow

_EXAMPLES = """\
  s3gw job wait cpy-Zm9vYmFy
  s3gw job wait $(s3gw bucket cp ais://shards ais://backup --no-wait) --timeout 600

A terminal shows how it goes. The exit code is 1 for a job that failed or was stopped, and when the
time was not enough."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("jobs", metavar=JOB, nargs="+")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=0.0, help="wait no longer"
    )
    parser.set_defaults(no_wait=False)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        return follow(args, client, ",".join(args.jobs), "Done")
