"""`s3gw job stop`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import JOB, KIND, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.jobs import JobQuery, stop_jobs

_EXAMPLES = """\
  s3gw job stop cpy-Zm9vYmFy
  s3gw job stop --kind copy-bck        all that run of this kind

Whoever began a job may stop it, and administrators."""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("jobs", metavar=JOB, nargs="*")
    parser.add_argument("--kind", metavar=KIND, default="", help="all that run of this kind")


def run(args: argparse.Namespace) -> int:
    if bool(args.jobs) == bool(args.kind):
        raise Misused("Name jobs, or a --kind.")
    queries = [JobQuery(id=xid) for xid in args.jobs] or [JobQuery(kind=args.kind)]
    with connect(args) as client:
        for query in queries:
            stop_jobs(client, query)
            if not args.json:
                print(f"Stopped {query.id}." if query.id else f"Stopped all of {query.kind}.")
    if args.json:
        print(json_text({"stopped": args.jobs or [args.kind]}))
    return 0
