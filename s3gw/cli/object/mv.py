"""`s3gw object mv`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import OBJECT, PLACE
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.object.cp import target_for
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.names import ObjectName, read_object, read_place
from s3gw.client.objects import copy_object, delete_object, rename_object

_EXAMPLES = """\
  s3gw object mv ais://shards/0001.tar ais://shards/train/0001.tar
  s3gw object mv ais://shards/0001.tar ais://shards/train/         keeps its last name
  s3gw object mv ais://shards/0001.tar ais://old                   copies, then removes

Within a bucket no bytes are moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    source: ObjectName = argument(OBJECT, read=read_object)
    target: ObjectName = argument(PLACE, read=read_place)


def run(options: Options) -> int:
    source = options.source
    target = target_for(source, options.target)
    with connect(options) as client:
        if target.bck == source.bck:
            client.call(rename_object(source, target.key))
        else:
            client.call(copy_object(source, target))
            client.call(delete_object(source))
    document = {"source": str(source), "target": str(target)}
    print(json_text(document) if options.json else f"Moved {source} to {target}.")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
