"""The cluster and its nodes, and the configuration of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from s3gw.client.buckets import action
from s3gw.client.call import Call, Headers, Request, document_of, headers_of, no_result, text_of

# AIStore's flags of nodes in maintenance, and of those that are leaving.
_OUT_OF_USE = 1 << 2 | 1 << 3


@dataclass(frozen=True, slots=True)
class Node:
    """`role` is `proxy` or `target`. One that is not `in_use` is missing, or in maintenance."""

    id: str
    role: str
    url: str
    is_primary: bool
    in_use: bool = True


def cluster_map() -> Call[dict[str, Any]]:
    """Return AIStore's Smap."""
    return _what("daemon", "smap")


def nodes_in(smap: Mapping[str, Any]) -> list[Node]:
    primary = (smap.get("proxy_si") or {}).get("daemon_id")
    listed = [*(smap.get("pmap") or {}).values(), *(smap.get("tmap") or {}).values()]
    return [
        Node(
            each["daemon_id"],
            each["daemon_type"],
            (each.get("public_net") or {}).get("direct_url", ""),
            each["daemon_type"] == "proxy" and each["daemon_id"] == primary,
            not int(each.get("flags") or 0) & _OUT_OF_USE,
        )
        for each in listed
    ]


def bucket_map() -> Call[dict[str, Any]]:
    """Return AIStore's BMD."""
    return _what("daemon", "bmd")


def software_version() -> Call[str]:
    return Call(Request("GET", "daemon", {"what": "software_version"}), text_of)


def node_status(node: str) -> Call[dict[str, Any]]:
    """Return a node's counters, capacity and load."""
    headers = {"Ais-Node-Id": node, "Accept": "application/json"}
    request = Request("GET", "reverse/daemon", {"what": "node_status"}, headers=headers)
    return Call(request, document_of)


def node_log(node: str, severity: str) -> Call[str]:
    query = {"what": "log", "severity": severity}
    request = Request("GET", "reverse/daemon", query, headers={"Ais-Node-Id": node})
    return Call(request, lambda response: response.text)


def health(*, is_readiness: bool = False) -> Call[Headers]:
    """Return the headers of a good answer; the error of a server that is not ready has 503."""
    query = {"readiness": "true"} if is_readiness else {"prr": "true"}
    return Call(Request("GET", "health", query), headers_of)


def cluster_config() -> Call[dict[str, Any]]:
    return _what("cluster", "cluster_config")


def set_config(pairs: Mapping[str, str], *, is_transient: bool = False) -> Call[None]:
    query = {**pairs, **({"transient": "true"} if is_transient else {})}
    return Call(Request("PUT", "cluster/set-config", query), no_result)


def reset_config() -> Call[None]:
    return Call(Request("PUT", "cluster", {}, action("reset-config")), no_result)


def _what(path: str, what: str) -> Call[dict[str, Any]]:
    return Call(Request("GET", path, {"what": what}), document_of)
