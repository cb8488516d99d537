"""`s3gw config cluster`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.bucket.properties import chosen, shown
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import arguments
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text, print_table
from s3gw.client.cluster import cluster_config

_EXAMPLES = """\
  s3gw config cluster
  s3gw config cluster checksum versioning.enabled      sections and single settings
  s3gw config cluster --json"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    names: tuple[str, ...] = arguments(
        "NAME", at_least=0, help="settings or sections (default: all)"
    )


def run(options: Options) -> int:
    with connect(options) as client:
        config = client.call(cluster_config())
    rows = chosen(config, options.names)
    if options.json:
        print(json_text(dict(rows) if options.names else config))
    else:
        print_table(("SETTING", "VALUE"), [(name, shown(value)) for name, value in rows])
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
