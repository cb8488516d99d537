"""`s3gw cluster log`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.cluster.nodes import node_named
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, option
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.cluster import cluster_map, node_log, nodes_in

_EXAMPLES = """\
  s3gw cluster log                          of the primary gateway
  s3gw cluster log tAbCdEfGh --severity error
  s3gw cluster log | tail"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    node: str = argument("NODE", default="", help="a node's id")
    severity: str = option(
        None,
        default="info",
        choices=("info", "warning", "error"),
        help="the least severe lines to print (default: info)",
    )


def run(options: Options) -> int:
    with connect(options) as client:
        node = node_named(nodes_in(client.call(cluster_map())), options.node)
        text = client.call(node_log(node.id, options.severity))
    if options.json:
        print(json_text({"node": node.id, "lines": text.splitlines()}))
    else:
        print(text, end="" if text.endswith("\n") or not text else "\n")
    return 0


COMMAND = Command(Options, run, _EXAMPLES)
