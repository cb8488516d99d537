"""`s3gw bucket rm`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET
from s3gw.cli.confirmation import confirmed, yes_switch
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments
from s3gw.cli.parsing import FAILED, Command
from s3gw.cli.tables import json_text
from s3gw.client.buckets import destroy_bucket
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket rm ais://shards            asks for confirmation
  s3gw bucket rm train test --yes        does not

Everything in the bucket is removed with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    buckets: tuple[Bck, ...] = arguments(BUCKET, read=read_bucket)
    yes: bool = yes_switch()


def run(options: Options) -> int:
    names = ", ".join(map(str, options.buckets))
    if not confirmed(f"Remove {names} and everything in it?", yes=options.yes):
        return FAILED
    with connect(options) as client:
        for bck in options.buckets:
            client.call(destroy_bucket(bck))
            if not options.json:
                print(f"Removed {bck}.")
    if options.json:
        print(json_text({"removed": [str(bck) for bck in options.buckets]}))
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
