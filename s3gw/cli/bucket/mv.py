"""`s3gw bucket mv`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET
from s3gw.cli.connection import connect
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.client.buckets import rename_bucket
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket mv ais://shards ais://old-shards
  s3gw bucket mv shards old-shards --no-wait     prints the id of the job"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    bucket: Bck = argument(BUCKET, read=read_bucket)
    new_name: Bck = argument(BUCKET, read=read_bucket)


def run(options: Options) -> int:
    with connect(options) as client:
        job_id = client.call(rename_bucket(options.bucket, options.new_name))
        done = f"Renamed {options.bucket} to {options.new_name}"
        return follow(client, options, job_id, done, is_counted=False)


COMMAND = Command(Options, run, _EXAMPLES)
