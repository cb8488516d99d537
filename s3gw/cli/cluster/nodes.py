"""Nodes of the cluster and their status documents."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from s3gw.cli.parsing import Misused
from s3gw.client.cluster import Node, node_status
from s3gw.client.errors import ClientError
from s3gw.client.sync import Client


def statuses(client: Client, nodes: Sequence[Node]) -> dict[str, Mapping[str, Any]]:
    """Return documents by node id. A node that fails has an empty one, and a line on stderr."""
    found: dict[str, Mapping[str, Any]] = {node.id: {} for node in nodes}
    for node in nodes:
        try:
            found[node.id] = client.call(node_status(node.id))
        except ClientError as error:
            if error.affects_all_objects:
                raise
            print(f"s3gw: {node.id}: {error}", file=sys.stderr)
            if error.status == 501:
                break
    return found


def node_named(nodes: Sequence[Node], name: str) -> Node:
    """Return the node with this id, or the primary gateway without one. Raises `Misused`."""
    for node in nodes:
        if node.id == name or (not name and node.is_primary):
            return node
    known = ", ".join(node.id for node in nodes)
    raise Misused(f"Node {name!r} does not exist. The nodes are {known}.")
