"""`s3gw bucket cp`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET, PLACE
from s3gw.cli.connection import connect
from s3gw.cli.copy_flags import CopyFlags
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import argument, included
from s3gw.cli.parsing import Command
from s3gw.client.buckets import copy_bucket
from s3gw.client.names import Bck, ObjectName, read_bucket, read_place

_EXAMPLES = """\
  s3gw bucket cp ais://shards ais://backup
  s3gw bucket cp ais://shards/train/ ais://train         what begins with train/
  s3gw bucket cp ais://shards ais://backup --prepend 2026/ --dry-run
  s3gw bucket cp ais://shards ais://backup --no-wait     prints the id of the job

A target that does not exist is created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    source: ObjectName = argument(PLACE, read=read_place)
    target: Bck = argument(BUCKET, read=read_bucket)
    copy: CopyFlags = included(CopyFlags, "how many objects are copied")


def run(options: Options) -> int:
    source, target = options.source, options.target
    with connect(options) as client:
        job_id = client.call(copy_bucket(source.bck, target, options.copy.orders(source.key)))
        verb = "Would copy" if options.copy.dry_run else "Copied"
        done = f"{verb} {source} to {target}"
        return follow(client, options, job_id, done)


COMMAND = Command(Options, run, _EXAMPLES)
