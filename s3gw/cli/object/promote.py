"""`s3gw object promote`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import PLACE
from s3gw.cli.connection import connect
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import argument, switch
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.names import ObjectName, read_place
from s3gw.client.objects import PromoteOptions, promote

_EXAMPLES = """\
  s3gw object promote /mnt/import/0001.tar ais://shards/0001.tar
  s3gw object promote /mnt/import ais://shards/train/ --recursive

The path is on the server's machine, below a folder of the server's setting promote.roots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    path: str = argument("PATH", help="a file or folder of the server's machine")
    target: ObjectName = argument(PLACE, read=read_place)
    recursive: bool = switch("-r", help="folders within, too")
    overwrite: bool = switch(help="replace objects that exist")
    delete_source: bool = switch(help="remove the files afterwards")


def run(options: Options) -> int:
    orders = PromoteOptions(options.recursive, options.overwrite, options.delete_source)
    done = f"Promoted {options.path} to {options.target}"
    with connect(options) as client:
        job_id = client.call(promote(options.path, options.target, orders))
        if job_id:
            return follow(client, options, job_id, done)
    document = {"source": options.path, "target": str(options.target)}
    print(json_text(document) if options.json else f"{done}.")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
