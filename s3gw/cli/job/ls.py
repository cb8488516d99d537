"""`s3gw job ls`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET, KIND
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.job_wait import as_document
from s3gw.cli.parameters import option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import json_text, print_table
from s3gw.client.jobs import Job, JobQuery, find_jobs
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw job ls                          running jobs
  s3gw job ls --all                    jobs that ended, too
  s3gw job ls --kind copy-bck --bucket ais://shards --all
  s3gw job ls --json | jq -r '.[].id'"""
_HEAD = ("JOB", "KIND", "BUCKET", "STATE", "OBJECTS>", "SIZE>", "STARTED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    all: bool = switch("-a", help="jobs that ended, too")
    kind: str = option(KIND, default="", help="only of this kind")
    bucket: Bck | None = option(BUCKET, read=read_bucket, help="only jobs of this bucket")


def run(options: Options) -> int:
    buckets = [options.bucket] if options.bucket else []
    query = JobQuery(kind=options.kind, buckets=buckets, only_active=not options.all)
    with connect(options) as client:
        found = client.call(find_jobs(query))
    if options.json:
        print(json_text([as_document(job) for job in found]))
    else:
        none = (
            "There are no jobs."
            if options.all
            else "No job is running. --all shows jobs that ended."
        )
        print_table(_HEAD, [_row(job) for job in found], none)
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
    """Return RFC 3339 without fractions of seconds."""
    return f"{text[:19].replace('T', ' ')}Z" if text else "-"


COMMAND = Command(Options, run, _EXAMPLES)
