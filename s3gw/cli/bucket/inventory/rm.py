"""`s3gw bucket inventory rm`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET
from s3gw.cli.confirmation import confirmed, yes_switch
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, option
from s3gw.cli.parsing import FAILED, Command
from s3gw.cli.tables import json_text
from s3gw.client.inventories import destroy_inventory, show_inventories
from s3gw.client.names import Bck, read_bucket

_EXAMPLES = """\
  s3gw bucket inventory rm s3://train        asks for confirmation
  s3gw bucket inventory rm s3://train --name epoch-1 --yes

The bucket itself stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    bucket: Bck = argument(BUCKET, read=read_bucket)
    name: str = option("NAME", default="", help="which (default: the one that there is)")
    yes: bool = yes_switch()


def run(options: Options) -> int:
    with connect(options) as client:
        found = client.call(show_inventories(options.bucket, options.name))
        names = [each.name for each in found]
        shown = ", ".join(names)
        what = f"the inventory {shown} of {options.bucket}"
        if names and not confirmed(f"Remove {what}?", yes=options.yes):
            return FAILED
        if names:
            client.call(destroy_inventory(options.bucket, options.name))
    if options.json:
        print(json_text({"removed": names}))
    else:
        print(f"Removed {what}." if names else f"{options.bucket} has no such inventory.")
    return 0 if names else FAILED


COMMAND = Command(Options, run, _EXAMPLES)
