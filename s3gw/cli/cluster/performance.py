"""`s3gw cluster performance`"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s3gw.cli.cluster.nodes import statuses
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import option
from s3gw.cli.parsing import FAILED, Command, Misused
from s3gw.cli.progress import size_text
from s3gw.cli.tables import json_text, print_table
from s3gw.client.cluster import Node, cluster_map, nodes_in
from s3gw.client.sync import Client

_EXAMPLES = """\
  s3gw cluster performance
  s3gw cluster performance --filter get       only counters whose names contain get
  s3gw cluster performance --interval 10      rates per second, over ten seconds
  s3gw cluster performance --json

Names that end in .n count, in .size are bytes, in .ns.total are time."""
_NS = 1_000_000_000

Counters = dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    filter: str = option("TEXT", default="", help="only counters whose names contain it")
    interval: float = option("SECONDS", read=float, default=0.0, help="measure how they grow")


def run(options: Options) -> int:
    if options.interval < 0:
        raise Misused("--interval is a number of seconds.")
    with connect(options) as client:
        nodes = nodes_in(client.call(cluster_map()))
        found = _counters(client, nodes, options.filter)
        if options.interval:
            time.sleep(options.interval)
            later = _counters(client, nodes, options.filter)
            found = {key: later[key] - found.get(key, 0) for key in later}
    if not found and not options.filter:
        return FAILED
    if options.json:
        print(json_text(_document(found, options.interval)))
        return 0
    rows = [
        (node, name, _value(name, value / (options.interval or 1), is_rate=bool(options.interval)))
        for (node, name), value in found.items()
        if value
    ]
    none = "Nothing happened." if options.interval else "There are no such counters above zero."
    print_table(("NODE", "COUNTER", "VALUE>"), rows, none)
    return 0


def _counters(client: Client, nodes: Sequence[Node], part: str) -> Counters:
    return {
        (node, name): counter
        for node, status in statuses(client, nodes).items()
        for name, counter in _tracker(status).items()
        if part in name
    }


def _tracker(status: Mapping[str, Any]) -> Mapping[str, int]:
    """Return the counters by name; AIStore before 4.0 has each as a text in a document."""
    tracker: Mapping[str, Any] = status.get("tracker") or {}
    return {name: _number(tracker[name]) for name in sorted(tracker)}


def _number(counter: Any) -> int:
    return int((counter.get("v") or 0) if isinstance(counter, dict) else counter)


def _document(found: Counters, interval_s: float) -> dict[str, Any]:
    nodes: dict[str, dict[str, int]] = {}
    for (node, name), value in found.items():
        nodes.setdefault(node, {})[name] = value
    return {"interval_s": interval_s, "nodes": nodes}


def _value(name: str, value: float, *, is_rate: bool) -> str:
    if name.endswith((".ns", ".ns.total", ".ns.time")):
        shown = f"{value / _NS:,.3f} s"
    elif name.endswith(".size"):
        shown = size_text(value)
    else:
        shown = f"{value:,.1f}".removesuffix(".0")
    return f"{shown}/s" if is_rate else shown


COMMAND = Command(Options, run, _EXAMPLES)
