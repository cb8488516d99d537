"""`s3gw job stop`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import JOB, KIND
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments, option
from s3gw.cli.parsing import Command, Misused
from s3gw.cli.tables import json_text
from s3gw.client.jobs import Job, JobQuery, find_job, find_jobs, stop_jobs
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw job stop cpy-Zm9vYmFy
  s3gw job stop --kind copy-bck        all running jobs of this kind

A job may be stopped by the user who started it, and by administrators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    jobs: tuple[str, ...] = arguments(JOB, at_least=0)
    kind: str = option(KIND, default="", help="all running jobs of this kind")


def run(options: Options) -> int:
    if bool(options.jobs) == bool(options.kind):
        raise Misused("Name jobs, or a --kind.")
    with connect(options) as client:
        found = _found(client, options)
        running = [job for job in found if not job.is_over]
        for job in running:
            client.call(stop_jobs(JobQuery(id=job.id)))
    if options.json:
        print(json_text({"stopped": [job.id for job in running]}))
        return 0
    for job in found:
        print(f"Stopped {job.id}." if job in running else f"{job.id} has ended already.")
    if not found:
        print(f"No job of the kind {options.kind} is running.")
    return 0


def _found(client: Client, options: Options) -> list[Job]:
    """Return the jobs. Raises `ClientError` for an unknown id; the server would ignore it."""
    if options.jobs:
        return [client.call(find_job(xid)) for xid in options.jobs]
    return client.call(find_jobs(JobQuery(kind=options.kind, only_active=True)))


COMMAND = Command(Options, run, _EXAMPLES)
