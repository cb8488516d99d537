"""`s3gw cluster health`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser
from s3gw.cli.endpoint import connect, describe_asking
from s3gw.cli.tables import facts, json_text
from s3gw.client.cluster import health

_EXAMPLES = """\
  s3gw cluster health
  until s3gw cluster health --readiness; do sleep 1; done

It needs no token. The exit code is 1 when the server does not take requests."""
_NS = 1_000_000_000
_UPTIMES = {"cluster_uptime_s": "Ais-Cluster-Uptime", "node_uptime_s": "Ais-Node-Uptime"}


def define(parser: Parser) -> None:
    describe_asking(parser, run, _EXAMPLES)
    parser.add_argument("--readiness", action="store_true", help="ask what a load balancer asks")


def run(args: argparse.Namespace) -> int:
    with connect(args) as client:
        headers = health(client, is_readiness=args.readiness)
        url = client.endpoint.url
    told = {name: headers.get(header, "") for name, header in _UPTIMES.items()}
    seconds = {name: int(text) // _NS for name, text in told.items() if text.isdigit()}
    if args.json:
        print(json_text({"endpoint": url, "healthy": True, **seconds}))
        return 0
    rows = [(name.removesuffix("_s").replace("_", " "), f"{s} s") for name, s in seconds.items()]
    print(facts([("endpoint", url), ("health", "good"), *rows]))
    return 0
