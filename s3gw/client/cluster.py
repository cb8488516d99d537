"""The cluster and its nodes, and the configuration of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import Any

from s3gw.client.buckets import action
from s3gw.client.transport import Client, Request


@dataclass(frozen=True, slots=True)
class Node:
    """`role` is `proxy` or `target`."""

    id: str
    role: str
    url: str
    is_primary: bool


def cluster_map(client: Client) -> dict[str, Any]:
    """AIStore's Smap."""
    return dict(_ask(client, "daemon", "smap"))


def nodes_in(smap: Mapping[str, Any]) -> list[Node]:
    primary = (smap.get("proxy_si") or {}).get("daemon_id")
    listed = [*(smap.get("pmap") or {}).values(), *(smap.get("tmap") or {}).values()]
    return [
        Node(
            each["daemon_id"],
            each["daemon_type"],
            (each.get("public_net") or {}).get("direct_url", ""),
            each["daemon_type"] == "proxy" and each["daemon_id"] == primary,
        )
        for each in listed
    ]


def bucket_map(client: Client) -> dict[str, Any]:
    """AIStore's BMD."""
    return dict(_ask(client, "daemon", "bmd"))


def software_version(client: Client) -> str:
    request = Request("GET", "daemon", {"what": "software_version"})
    return client.send(request).text.strip()


def node_status(client: Client, node: str) -> dict[str, Any]:
    """A node's counters, capacity and load."""
    headers = {"Ais-Node-Id": node, "Accept": "application/json"}
    request = Request("GET", "reverse/daemon", {"what": "node_status"}, headers=headers)
    return dict(client.send(request).json() or {})


def node_log(client: Client, node: str, severity: str) -> str:
    headers = {"Ais-Node-Id": node}
    query = {"what": "log", "severity": severity}
    return client.send(Request("GET", "reverse/daemon", query, headers=headers)).text


def health(client: Client, *, is_readiness: bool = False) -> HTTPMessage:
    """The headers of a good answer. Raises `ClientError` with 503."""
    query = {"readiness": "true"} if is_readiness else {"prr": "true"}
    return client.send(Request("GET", "health", query)).headers


def cluster_config(client: Client) -> dict[str, Any]:
    return dict(_ask(client, "cluster", "cluster_config"))


def set_config(client: Client, pairs: Mapping[str, str], *, is_transient: bool = False) -> None:
    query = {**pairs, **({"transient": "true"} if is_transient else {})}
    client.send(Request("PUT", "cluster/set-config", query))


def reset_config(client: Client) -> None:
    client.send(Request("PUT", "cluster", {}, action("reset-config")))


def _ask(client: Client, path: str, what: str) -> Any:
    return client.send(Request("GET", path, {"what": what})).json() or {}
