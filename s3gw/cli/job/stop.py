"""`s3gw job stop`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Misused, Parser
from s3gw.cli.endpoint import JOB, KIND, connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.jobs import Job, JobQuery, find_job, find_jobs, stop_jobs
from s3gw.client.transport import Client

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
    with connect(args) as client:
        found = _found(client, args)
        running = [job for job in found if not job.is_over]
        for job in running:
            stop_jobs(client, JobQuery(id=job.id))
    if args.json:
        print(json_text({"stopped": [job.id for job in running]}))
        return 0
    for job in found:
        print(f"Stopped {job.id}." if job in running else f"{job.id} has ended already.")
    if not found:
        print(f"No job of the kind {args.kind} runs.")
    return 0


def _found(client: Client, args: argparse.Namespace) -> list[Job]:
    """The server stops what it does not know without a word; here that is an error."""
    if args.jobs:
        return [find_job(client, xid) for xid in args.jobs]
    return find_jobs(client, JobQuery(kind=args.kind, only_active=True))
