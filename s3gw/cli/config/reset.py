"""`s3gw config reset`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.cluster import reset_config

_EXAMPLES = """\
  s3gw config reset"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    """The options of every command."""


def run(options: Options) -> int:
    with connect(options) as client:
        client.call(reset_config())
    text = "The configuration is the one that the cluster was started with."
    print(json_text({"reset": True}) if options.json else text)
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
