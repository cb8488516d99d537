"""`s3gw bucket props reset`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.buckets import reset_bucket_props
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket props reset ais://shards"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    bucket: Bck = argument(BUCKET, read=read_bucket)


def run(options: Options) -> int:
    with connect(options) as client:
        job_id = client.call(reset_bucket_props(options.bucket))
    if options.json:
        print(json_text({"bucket": str(options.bucket), "job": job_id}))
    else:
        print(f"{options.bucket} has the cluster's properties.")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
