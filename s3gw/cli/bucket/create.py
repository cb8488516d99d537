"""`s3gw bucket create`"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from s3gw.cli.arguments import BUCKET, PAIR, Pair, dict_of, read_properties
from s3gw.cli.bucket.properties import nested
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments, repeated, switch
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.buckets import create_bucket
from s3gw.client.errors import ClientError
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket create ais://shards
  s3gw bucket create train validate test
  s3gw bucket create ais://shards --props checksum.type=md5 --props access=ro
  s3gw bucket create ais://shards --props "checksum.type=md5 access=ro"
  s3gw bucket create ais://shards --props '{"checksum": {"type": "md5"}}'
  s3gw bucket create ais://shards --exist-ok      for scripts: succeeds if it exists already
  s3gw bucket create ais://@far/shards            in an attached cluster
  s3gw bucket create s3://public --skip-lookup

A bucket of a cloud is not created there: it becomes known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    buckets: tuple[Bck, ...] = arguments(BUCKET, read=read_bucket)
    props: tuple[tuple[Pair, ...], ...] = repeated(
        PAIR,
        read=read_properties,
        help="named as in `s3gw bucket props show`: one, several with spaces between, or JSON; "
        "may be repeated",
    )
    exist_ok: bool = switch(help="leave a bucket that exists as it is")
    skip_lookup: bool = switch(
        help="do not look for a bucket of a cloud: for one that hides itself"
    )


def run(options: Options) -> int:
    props = nested(dict_of(chain.from_iterable(options.props)))
    created = []
    with connect(options) as client:
        for bck in options.buckets:
            try:
                client.call(create_bucket(bck, props, skip_lookup=options.skip_lookup))
                created.append(str(bck))
            except ClientError as error:
                if not (options.exist_ok and error.status == 409):
                    raise
            if not options.json:
                print(f"Made {bck}." if str(bck) in created else f"{bck} exists already.")
    if options.json:
        print(json_text({"made": created}))
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
