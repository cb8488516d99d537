"""`s3gw job ls`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import BUCKET, KIND, add_bucket, connect, describe_asking
from s3gw.cli.following import as_document
from s3gw.cli.progress import size_text
from s3gw.cli.tables import json_text, table
from s3gw.client.jobs import Job, JobQuery, find_jobs

_EXAMPLES = """\
  s3gw job ls                          those that run
  s3gw job ls --all                    those that ended, too
  s3gw job ls --kind copy-bck --bucket ais://shards --all
  s3gw job ls --json | jq -r '.[].id'"""
_HEAD = ("JOB", "KIND", "BUCKET", "STATE", "OBJECTS>", "SIZE>", "STARTED")


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("-a", "--all", action="store_true", help="those that ended, too")
    parser.add_argument("--kind", metavar=KIND, default="", help="only of this kind")
    add_bucket(parser, "--bucket", help="only those about it", metavar=BUCKET)


def run(args: argparse.Namespace) -> int:
    buckets = [args.bucket] if args.bucket else []
    query = JobQuery(kind=args.kind, buckets=buckets, only_active=not args.all)
    with connect(args) as client:
        found = find_jobs(client, query)
    if args.json:
        print(json_text([as_document(job) for job in found]))
    else:
        none = "There are no jobs." if args.all else "No job runs. --all shows those that ended."
        print(table(_HEAD, [_row(job) for job in found], none))
    return 0


def _row(job: Job) -> tuple[str, ...]:
    return (
        job.id,
        job.kind,
        " to ".join(map(str, job.buckets)) or "-",
        job.state,
        str(job.objects),
        size_text(job.bytes),
        time_text(job.started),
    )


def time_text(text: str) -> str:
    """RFC 3339 without what nobody reads."""
    return f"{text[:19].replace('T', ' ')}Z" if text else "-"
