"""`s3gw bucket inventory create`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import PLACE
from s3gw.cli.connection import connect
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import argument, option, switch
from s3gw.cli.parsing import Command
from s3gw.client.inventories import InventoryOptions, create_inventory
from s3gw.client.names import ObjectName, read_place

_EXAMPLES = """\
  s3gw bucket inventory create s3://train
  s3gw bucket inventory create s3://train/images/ --name epoch-1    what begins with images/
  s3gw bucket inventory create s3://train --force                   in the place of the former
  s3gw bucket inventory create s3://train --props size,checksum --no-wait

A bucket has one inventory. `s3gw object ls BUCKET --inventory` lists from it."""


def _read_props(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.replace(" ", "").split(",")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    place: ObjectName = argument(PLACE, read=read_place)
    name: str = option("NAME", default="", help="of the inventory (default: the job's id)")
    props: tuple[str, ...] = option(
        "NAMES", read=_read_props, default=(), help="kept beside names (default: size)"
    )
    names_per_chunk: int = option("N", read=int, default=0, help="2 to 640,000 (default: 20,000)")
    force: bool = switch(help="replace a former inventory")


def run(options: Options) -> int:
    place = options.place
    asked = InventoryOptions(
        name=options.name,
        prefix=place.key,
        props=("name", *options.props) if options.props else (),
        names_per_chunk=options.names_per_chunk,
        force=options.force,
    )
    with connect(options) as client:
        job_id = client.call(create_inventory(place.bck, asked))
        return follow(client, options, job_id, f"Wrote down {place}")


COMMAND = Command(Options, run, _EXAMPLES)
