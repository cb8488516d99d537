"""`s3gw job show`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import JOB
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.job.ls import time_text
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import facts, json_text, printable
from s3gw.client.jobs import Job, find_job

_EXAMPLES = """\
  s3gw job show cpy-Zm9vYmFy
  s3gw job show cpy-Zm9vYmFy --json       the server's own documents, one per node"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    job: str = argument(JOB)


def run(options: Options) -> int:
    with connect(options) as client:
        job = client.call(find_job(options.job))
    print(json_text(list(job.documents)) if options.json else facts(_rows(job)))
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


COMMAND = Command(Options, run, _EXAMPLES)
