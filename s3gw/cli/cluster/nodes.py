"""What every node says of itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from s3gw.cli.commands import Misused
from s3gw.client.cluster import Node, node_status
from s3gw.client.errors import ClientError
from s3gw.client.transport import Client


def statuses(client: Client, nodes: Sequence[Node]) -> dict[str, Mapping[str, Any]]:
    """By id. A node that does not tell is told on stderr, and has nothing."""
    found: dict[str, Mapping[str, Any]] = {node.id: {} for node in nodes}
    for node in nodes:
        try:
            found[node.id] = node_status(client, node.id)
        except ClientError as error:
            if error.is_about_everything:
                raise
            print(f"s3gw: {node.id}: {error}", file=sys.stderr)
            if error.status == 501:
                break
    return found


def node_named(nodes: Sequence[Node], name: str) -> Node:
    """The node of this id, or without one the primary gateway. Raises `Misused`."""
    for node in nodes:
        if node.id == name or (not name and node.is_primary):
            return node
    known = ", ".join(node.id for node in nodes)
    raise Misused(f"There is no node {name!r}, only {known}.")
