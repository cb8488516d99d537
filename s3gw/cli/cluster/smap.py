"""`s3gw cluster smap`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import connect, describe_asking
from s3gw.cli.tables import json_text, table
from s3gw.client.cluster import Node, cluster_map, nodes_in

_EXAMPLES = """\
  s3gw cluster smap
  s3gw cluster smap --json | jq .version"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        smap = cluster_map(client)
    if args.json:
        print(json_text(smap))
        return 0
    rows = [(node.id, _role(node), node.url) for node in nodes_in(smap)]
    print(table(("NODE", "ROLE", "ADDRESS"), rows, ""))
    print(f"\nversion {smap.get('version')} of the map of {smap.get('uuid')}")
    return 0


def _role(node: Node) -> str:
    role = "gateway" if node.role == "proxy" else node.role
    return f"{role} (primary)" if node.is_primary else role
