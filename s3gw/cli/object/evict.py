"""`s3gw object evict`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import PLACE
from s3gw.cli.connection import connect
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import arguments, included
from s3gw.cli.parsing import Command
from s3gw.cli.selection import HELP, TITLE, SelectionFlags, selected
from s3gw.client.names import ObjectName, read_place
from s3gw.client.objects import evict_many

_EXAMPLES = f"""\
  s3gw object evict s3://shards/0001.tar
  s3gw object evict s3://shards --prefix train/
  s3gw object evict s3://shards --all

The cloud keeps its objects. Buckets without a cloud are refused. {HELP}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    places: tuple[ObjectName, ...] = arguments(PLACE, read=read_place)
    selection: SelectionFlags = included(SelectionFlags, TITLE)


def run(options: Options) -> int:
    bck, objects = selected(options.selection, options.places)
    with connect(options) as client:
        job_id = client.call(evict_many(bck, objects))
        done = f"Evicted from {bck}"
        return follow(client, options, job_id, done)


COMMAND = Command(Options, run, _EXAMPLES)
