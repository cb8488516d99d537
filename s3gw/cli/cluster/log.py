"""`s3gw cluster log`"""

from __future__ import annotations

import argparse

from s3gw.cli.cluster.nodes import node_named
from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import connect, describe_asking
from s3gw.cli.tables import json_text
from s3gw.client.cluster import cluster_map, node_log, nodes_in

_EXAMPLES = """\
  s3gw cluster log                          of the primary gateway
  s3gw cluster log tAbCdEfGh --severity error
  s3gw cluster log | tail"""


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("node", metavar="NODE", nargs="?", default="", help="a node's id")
    parser.add_argument(
        "--severity",
        choices=("info", "warning", "error"),
        default="info",
        help="nothing less (default: info)",
    )


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        node = node_named(nodes_in(cluster_map(client)), args.node)
        text = node_log(client, node.id, args.severity)
    if args.json:
        print(json_text({"node": node.id, "lines": text.splitlines()}))
    else:
        print(text, end="" if text.endswith("\n") or not text else "\n")
    return 0
