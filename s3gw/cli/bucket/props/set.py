"""`s3gw bucket props set`"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from s3gw.cli.arguments import BUCKET, PAIR, Pair, dict_of, read_properties
from s3gw.cli.bucket.properties import flat, nested, shown
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, arguments
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.buckets import bucket_props, set_bucket_props
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket props set ais://shards versioning.enabled=true
  s3gw bucket props set ais://shards checksum.type=md5 access=ro
  s3gw bucket props set ais://shards chunks.objsize_limit=1GiB chunks.chunk_size=64MiB
  s3gw bucket props set ais://shards '{"checksum": {"type": "md5"}}'

Either all of them are changed, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    bucket: Bck = argument(BUCKET, read=read_bucket)
    pairs: tuple[tuple[Pair, ...], ...] = arguments(PAIR, read=read_properties)


def run(options: Options) -> int:
    pairs = dict_of(chain.from_iterable(options.pairs))
    props = nested(pairs)
    with connect(options) as client:
        job_id = client.call(set_bucket_props(options.bucket, props))
        now = dict(flat(client.call(bucket_props(options.bucket))))
    changed = {name: now.get(name) for name in pairs}
    if options.json:
        print(json_text({"props": changed, "job": job_id}))
        return 0
    for name, value in changed.items():
        print(f"{name} = {shown(value)}")
    if job_id:
        print(f"A job applies it to the objects: s3gw job wait {job_id}")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
