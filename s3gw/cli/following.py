"""Jobs that a command began: its progress on a terminal, and how it ended."""

from __future__ import annotations

import argparse
import sys
import time

from s3gw.cli.commands import FAILED, Parser
from s3gw.cli.progress import LiveLine, size_text
from s3gw.cli.tables import json_text, plural, printable
from s3gw.client.jobs import Job, wait_for
from s3gw.client.transport import Client


def add_waiting(parser: Parser) -> None:
    parser.add_argument(
        "--no-wait", action="store_true", help="print the id of the job and leave it to itself"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=0.0,
        help="wait no longer; the job goes on (default: wait to the end)",
    )


def follow(
    args: argparse.Namespace, client: Client, xids: str, done: str, *, is_counted: bool = True
) -> int:
    """Wait for the jobs, which are named as the server names those it began, with commas between.
    `done` begins the sentence that tells what they did, and to how much, if they are counted."""
    names = [name for name in xids.split(",") if name]
    if args.no_wait:
        print(json_text({"jobs": names}) if args.json else "\n".join(names))
        return 0
    jobs = [watched(client, name, args.timeout) for name in names]
    if args.json:
        print(json_text([as_document(job) for job in jobs]))
    for job in jobs:
        if not args.json:
            print(f"{done}: {told(job)}." if is_counted else f"{done}.")
        complain(job)
    return FAILED if any(job.error or job.is_aborted for job in jobs) else 0


def watched(client: Client, xid: str, timeout_s: float) -> Job:
    """The job when it is done. Interrupted, it says that the job goes on."""
    begun = time.monotonic()
    with LiveLine(sys.stderr) as line:
        try:
            return wait_for(
                client,
                xid,
                lambda job: line.show(f"{job.kind} {job.id}: {_so_far(job, begun)}"),
                timeout_s,
            )
        except KeyboardInterrupt:
            line.clear()
            print(
                f"The job goes on: `s3gw job wait {xid}`, or `s3gw job stop {xid}`.",
                file=sys.stderr,
            )
            raise


def complain(job: Job) -> None:
    if job.error or job.is_aborted:
        why = printable(job.error) or "somebody stopped it"
        print(f"s3gw: the job {job.id} {_ended(job)}: {why}", file=sys.stderr)


def told(job: Job) -> str:
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


def _so_far(job: Job, begun: float) -> str:
    return f"{told(job)}, {time.monotonic() - begun:.0f} s"


def _ended(job: Job) -> str:
    return "was stopped" if job.is_aborted else "did not do everything"
