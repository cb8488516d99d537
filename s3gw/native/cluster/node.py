"""Nodes that requests are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.native.smap import Snode, gateway_id, target_id

if TYPE_CHECKING:
    from s3gw.native.call import NativeCall

__all__ = ["asked_node", "gateway_id", "target_id"]


def asked_node(call: NativeCall) -> Snode:
    """Return the node that the request is for; this machine's gateway if it names none."""
    members = call.native.members
    smap = members.smap(call.endpoint)
    return smap.tmap.get(call.node_id) or smap.pmap[members.gateway]
