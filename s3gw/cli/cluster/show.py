"""`s3gw cluster show`"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from s3gw.cli.cluster.nodes import statuses
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import facts, json_text, print_table
from s3gw.client.cluster import Node, cluster_map, nodes_in, software_version

_EXAMPLES = """\
  s3gw cluster show
  s3gw cluster show --json | jq '.nodes[].status.capacity'"""
_HEAD = ("NODE", "ROLE", "STATUS", "ADDRESS", "USED>", "FREE>", "FULL>", "MEMORY>", "LOAD>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    """The options of every command."""


def run(options: Options) -> int:
    with connect(options) as client:
        smap = client.call(cluster_map())
        nodes = nodes_in(smap)
        version = client.call(software_version())
        reports = statuses(client, nodes)
    if options.json:
        print(json_text(_document(smap, version, nodes, reports)))
        return 0
    rows = [
        ("cluster", str(smap.get("uuid") or "-")),
        ("version", version or "-"),
        ("map", f"version {smap.get('version', '-')}"),
        ("gateways", str(len(smap.get("pmap") or {}))),
        ("targets", str(len(smap.get("tmap") or {}))),
    ]
    print(f"{facts(rows)}\n")
    print_table(_HEAD, [_row(node, reports[node.id]) for node in nodes])
    return 0


def _document(
    smap: Mapping[str, Any],
    version: str,
    nodes: list[Node],
    reports: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    rows = [
        {
            "id": node.id,
            "role": node.role,
            "url": node.url,
            "primary": node.is_primary,
            "in_use": node.in_use,
            "status": reports[node.id],
        }
        for node in nodes
    ]
    return {
        "uuid": smap.get("uuid"),
        "version": version,
        "smap_version": smap.get("version"),
        "nodes": rows,
    }


def _row(node: Node, status: Mapping[str, Any]) -> tuple[str, ...]:
    role = "gateway" if node.role == "proxy" else node.role
    capacity = status.get("capacity") or {} if node.role != "proxy" else {}
    machine = status.get("sys_info") or {}
    load = (machine.get("load_avg") or {}).get("One")
    return (
        node.id,
        f"{role} (primary)" if node.is_primary else role,
        _status(node, status),
        node.url,
        _size(capacity.get("total_used")),
        _size(capacity.get("total_avail")),
        _share(capacity.get("pct_max")),
        _share(machine.get("pct_mem_used")),
        f"{load:.2f}" if load is not None else "-",
    )


def _status(node: Node, status: Mapping[str, Any]) -> str:
    """Return what the node says, or why it says nothing."""
    return str(status.get("status") or ("-" if node.in_use else "missing"))


def _size(value: Any) -> str:
    return size_text(int(value)) if value not in (None, "") else "-"


def _share(value: Any) -> str:
    return f"{float(value):.0f}%" if value is not None else "-"


COMMAND = Command(Options, run, _EXAMPLES)
