"""`s3gw cluster health`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import switch
from s3gw.cli.parsing import Command
from s3gw.cli.tables import facts, json_text
from s3gw.client.cluster import health

_EXAMPLES = """\
  s3gw cluster health
  until s3gw cluster health --readiness; do sleep 1; done

A token is not needed. The exit code is 1 when the server does not accept requests."""
_NS = 1_000_000_000
_UPTIMES = {"cluster_uptime_s": "Ais-Cluster-Uptime", "node_uptime_s": "Ais-Node-Uptime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    readiness: bool = switch(help="as a load balancer checks it")


def run(options: Options) -> int:
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


COMMAND = Command(Options, run, _EXAMPLES)
