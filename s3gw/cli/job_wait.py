"""Waiting for jobs that a command started: live progress, and the result."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from s3gw.cli.connection import ClientOptions
from s3gw.cli.parameters import included, option, switch
from s3gw.cli.parsing import FAILED
from s3gw.cli.progress import LiveLine, size_text
from s3gw.cli.tables import json_text, plural, printable
from s3gw.client.jobs import Job, wait_for_job
from s3gw.client.sync import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitFlags:
    no_wait: bool = switch(help="print the id of the job and do not wait for it")
    timeout: float = option(
        "SECONDS",
        read=float,
        default=0.0,
        help="wait no longer; the job continues (default: wait until it ends)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions(ClientOptions):
    """The options of commands that start a job."""

    wait: WaitFlags = included(WaitFlags)


def follow(
    client: Client, options: JobOptions, job_ids: str, done: str, *, is_counted: bool = True
) -> int:
    """Wait for jobs and print their results; return the exit code. `job_ids` are separated by
    commas, as in the server's answers. `done` begins the sentence that reports a job; its counts
    end the sentence unless `is_counted` is false."""
    names = [name for name in job_ids.split(",") if name]
    if options.wait.no_wait:
        print(json_text({"jobs": names}) if options.json else "\n".join(names))
        return 0
    jobs = [watched(client, name, options.wait.timeout) for name in names]
    if options.json:
        print(json_text([as_document(job) for job in jobs]))
    for job in jobs:
        if not options.json:
            print(f"{done}: {counts(job)}." if is_counted else f"{done}.")
        report_failure(job)
    return FAILED if any(job.error or job.is_aborted for job in jobs) else 0


def watched(client: Client, job_id: str, timeout_s: float) -> Job:
    """Return the job when it is done. An interrupt ends the waiting, not the job."""
    started = time.monotonic()
    with LiveLine(sys.stderr) as line:
        try:
            return client.run(
                wait_for_job(
                    job_id,
                    lambda job: line.show(f"{job.kind} {job.id}: {_so_far(job, started)}"),
                    timeout_s,
                )
            )
        except KeyboardInterrupt:
            line.clear()
            print(
                f"The job continues: `s3gw job wait {job_id}`, or `s3gw job stop {job_id}`.",
                file=sys.stderr,
            )
            raise


def report_failure(job: Job) -> None:
    if job.error or job.is_aborted:
        reason = printable(job.error) or "a user stopped it"
        print(f"s3gw: the job {job.id} {_failure(job)}: {reason}", file=sys.stderr)


def counts(job: Job) -> str:
    return f"{plural(job.objects, 'object')}, {size_text(job.bytes)}"


def as_document(job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "buckets": [str(bck) for bck in job.buckets],
        "objects": job.objects,
        "bytes": job.bytes,
        "started": job.started,
        "ended": job.ended,
        "error": job.error,
    }


def _so_far(job: Job, started: float) -> str:
    return f"{counts(job)}, {time.monotonic() - started:.0f} s"


def _failure(job: Job) -> str:
    return "was stopped" if job.is_aborted else "did not finish its work"
