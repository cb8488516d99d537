"""`s3gw cluster smap`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text, print_table
from s3gw.client.cluster import Node, cluster_map, nodes_in

_EXAMPLES = """\
  s3gw cluster smap
  s3gw cluster smap --json | jq .version"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    """The options of every command."""


def run(options: Options) -> int:
    with connect(options) as client:
        smap = client.call(cluster_map())
    if options.json:
        print(json_text(smap))
        return 0
    rows = [(node.id, _role(node), _state(node), node.url) for node in nodes_in(smap)]
    print_table(("NODE", "ROLE", "STATE", "ADDRESS"), rows)
    print(f"\nversion {smap.get('version')} of the map of {smap.get('uuid')}")
    return 0


def _role(node: Node) -> str:
    role = "gateway" if node.role == "proxy" else node.role
    return f"{role} (primary)" if node.is_primary else role


def _state(node: Node) -> str:
    return "in use" if node.in_use else "missing or in maintenance"


COMMAND = Command(Options, run, _EXAMPLES)
