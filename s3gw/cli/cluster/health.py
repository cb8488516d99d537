"""`s3gw cluster health`"""

from __future__ import annotations

from dataclasses import dataclass, replace

from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import switch
from s3gw.cli.parsing import FAILED, Command
from s3gw.cli.tables import facts, json_text, print_table
from s3gw.client.cluster import cluster_map, health, nodes_in
from s3gw.client.endpoint import Endpoint
from s3gw.client.errors import ClientError
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw cluster health
  until s3gw cluster health --readiness; do sleep 1; done
  s3gw cluster health --all

Only --all needs a token, for the map. The exit code is 1 when a server does not accept requests."""
_NS = 1_000_000_000
_UPTIMES = {"cluster_uptime_s": "Ais-Cluster-Uptime", "node_uptime_s": "Ais-Node-Uptime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    readiness: bool = switch(help="as a load balancer checks it")
    all: bool = switch(help="each machine of the cluster, by its address in the map")


def run(options: Options) -> int:
    if options.all:
        return _of_all(options)
    with connect(options) as client:
        headers = client.call(health(is_readiness=options.readiness))
        url = client.endpoint.url
    uptimes = {name: headers.get(header, "") for name, header in _UPTIMES.items()}
    seconds = {name: int(text) // _NS for name, text in uptimes.items() if text.isdigit()}
    if options.json:
        print(json_text({"endpoint": url, "healthy": True, **seconds}))
        return 0
    rows = [(name.removesuffix("_s").replace("_", " "), f"{s} s") for name, s in seconds.items()]
    print(facts([("endpoint", url), ("health", "good"), *rows]))
    return 0


def _of_all(options: Options) -> int:
    with connect(options) as client:
        nodes = nodes_in(client.call(cluster_map()))
        endpoint = client.endpoint
    found = {
        url: _problem(replace(endpoint, url=url, token=""), options)
        for url in dict.fromkeys(node.url for node in nodes)
    }
    if options.json:
        rows = [
            {"endpoint": url, "healthy": not problem, "problem": problem}
            for url, problem in found.items()
        ]
        print(json_text({"machines": rows}))
    else:
        print_table(
            ("MACHINE", "HEALTH"), [(url, problem or "good") for url, problem in found.items()]
        )
    return FAILED if any(found.values()) else 0


def _problem(endpoint: Endpoint, options: Options) -> str:
    """Return why the server does not accept requests; empty when it does."""
    try:
        with Client(endpoint) as client:
            client.call(health(is_readiness=options.readiness))
    except ClientError as error:
        return str(error)
    return ""


COMMAND = Command(Options, run, _EXAMPLES)
