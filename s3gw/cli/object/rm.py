"""`s3gw object rm`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import PLACE
from s3gw.cli.confirmation import confirmed, yes_switch
from s3gw.cli.connection import connect
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import arguments, included
from s3gw.cli.parsing import FAILED, Command
from s3gw.cli.selection import HELP, TITLE, SelectionFlags, bucket_alone, selected
from s3gw.cli.tables import json_text
from s3gw.client.names import ObjectName, read_place
from s3gw.client.objects import delete_many, delete_object

_EXAMPLES = f"""\
  s3gw object rm ais://shards/0001.tar ais://shards/0002.tar
  s3gw object rm ais://shards --prefix train/               asks for confirmation
  s3gw object rm ais://shards --template 'train/{{0001..0100}}.tar' --yes
  s3gw object ls ais://logs --names --regex 2019 | s3gw object rm ais://logs --list - --yes

Many objects are removed by a job. {HELP}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    places: tuple[ObjectName, ...] = arguments(PLACE, read=read_place)
    selection: SelectionFlags = included(SelectionFlags, TITLE)
    yes: bool = yes_switch()


def run(options: Options) -> int:
    return _remove_many(options) if options.selection.is_given else _remove_named(options)


def _remove_named(options: Options) -> int:
    for place in options.places:
        if not place.key:
            raise bucket_alone(place)
    with connect(options) as client:
        for name in options.places:
            client.call(delete_object(name))
            if not options.json:
                print(f"Removed {name}.")
    if options.json:
        print(json_text({"removed": [str(name) for name in options.places]}))
    return 0


def _remove_many(options: Options) -> int:
    bck, objects = selected(options.selection, options.places)
    what = f"the {len(objects.names)} listed" if objects.names else _what(options.selection)
    if not confirmed(f"Remove {what} from {bck}?", yes=options.yes):
        return FAILED
    with connect(options) as client:
        job_id = client.call(delete_many(bck, objects))
        done = f"Removed from {bck}"
        return follow(client, options, job_id, done)


def _what(selection: SelectionFlags) -> str:
    if selection.all:
        return "everything"
    if selection.template:
        return f"what matches the template {selection.template}"
    return f"all that begins with {selection.prefix}"


COMMAND = Command(Options, run, _EXAMPLES)
