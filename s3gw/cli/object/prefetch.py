"""`s3gw object prefetch`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import PLACE
from s3gw.cli.connection import connect
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import arguments, included, option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.selection import HELP, TITLE, SelectionFlags, selected
from s3gw.client.buckets import CopyOptions
from s3gw.client.names import ObjectName, read_place
from s3gw.client.objects import prefetch_many

_EXAMPLES = f"""\
  s3gw object prefetch s3://shards/0001.tar s3://shards/0002.tar
  s3gw object prefetch s3://shards --template '{{0001..0100}}.tar'
  s3gw object prefetch s3://shards --prefix train/ --latest
  s3gw object prefetch s3://models --prefix large/ --blob-threshold 64MiB

Buckets without a cloud are refused. {HELP}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    places: tuple[ObjectName, ...] = arguments(PLACE, read=read_place)
    selection: SelectionFlags = included(SelectionFlags, TITLE)
    latest: bool = switch(help="also fetch objects of which the cloud has newer versions")
    workers: int = option("N", read=int, default=0, help="so many at once")
    blob_threshold: str = option(
        "SIZE", default="", help="fetch objects from this size on in many ranges at once"
    )
    continue_on_error: bool = switch(help="skip objects that fail")


def run(options: Options) -> int:
    bck, objects = selected(options.selection, options.places)
    orders = CopyOptions(
        latest=options.latest, continue_on_error=options.continue_on_error, workers=options.workers
    )
    with connect(options) as client:
        job_id = client.call(prefetch_many(bck, objects, orders, options.blob_threshold))
        done = f"Prefetched into {bck}"
        return follow(client, options, job_id, done)


COMMAND = Command(Options, run, _EXAMPLES)
