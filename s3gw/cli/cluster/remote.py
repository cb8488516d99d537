"""`s3gw cluster remote`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text, print_table
from s3gw.client.remote import RemoteCluster, remote_clusters

_EXAMPLES = """\
  s3gw cluster remote
  s3gw cluster remote --json | jq -r '.[].uuid'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    """The options of every command."""


def run(options: Options) -> int:
    with connect(options) as client:
        print_clusters(client.call(remote_clusters()), json=options.json)
    return 0


def print_clusters(clusters: Sequence[RemoteCluster], *, json: bool) -> None:
    """Print a table, or the documents of the server."""
    if json:
        print(json_text([dict(each.document) for each in clusters]))
        return
    rows = [
        (each.alias, each.uuid or "-", each.url, _status(each), str(each.targets or "-"))
        for each in clusters
    ]
    print_table(("ALIAS", "UUID", "ADDRESS", "STATUS", "TARGETS>"), rows)


def _status(cluster: RemoteCluster) -> str:
    return "online" if cluster.is_online else "does not answer"


COMMAND = Command(Options, run, _EXAMPLES)
