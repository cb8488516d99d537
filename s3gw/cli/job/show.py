"""`s3gw job show`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import JOB, connect, describe_asking
from s3gw.cli.job.ls import time_text
from s3gw.cli.progress import size_text
from s3gw.cli.tables import facts, json_text, printable
from s3gw.client.jobs import Job, find_job

_EXAMPLES = """\
  s3gw job show cpy-Zm9vYmFy
  s3gw job show cpy-Zm9vYmFy --json       the server's own documents, one a node"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("job", metavar=JOB)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        job = find_job(client, args.job)
    print(json_text(list(job.documents)) if args.json else facts(_rows(job)))
    return 0


def _rows(job: Job) -> list[tuple[str, str]]:
    orders = "; ".join(dict.fromkeys(str(snap.get("ctlmsg") or "") for snap in job.documents))
    rows = [
        ("job", job.id),
        ("kind", job.kind),
        ("state", job.state),
        ("bucket", " to ".join(map(str, job.buckets)) or "-"),
        ("orders", printable(orders) or "-"),
        ("started", time_text(job.started)),
        ("ended", time_text(job.ended)),
        ("objects", str(job.objects)),
        ("size", size_text(job.bytes)),
    ]
    return [*rows, ("error", printable(job.error))] if job.error else rows
