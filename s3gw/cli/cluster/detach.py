"""`s3gw cluster detach`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import ALIAS
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.remote import detach_cluster

_EXAMPLES = """\
  s3gw cluster detach far
  s3gw cluster detach MCBgkFqp                 by its UUID

What is here of its buckets can still be read, by the UUID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    alias: str = argument(ALIAS, help="its alias or UUID")


def run(options: Options) -> int:
    with connect(options) as client:
        client.call(detach_cluster(options.alias))
    print(json_text({"detached": options.alias}) if options.json else f"Detached {options.alias}.")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
