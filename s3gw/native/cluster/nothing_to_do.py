"""Administration of clusters that has little or nothing to do here.

AIStore's operators and scripts send these after a change; a refusal would end them half done.
"""

from __future__ import annotations

import asyncio
from typing import Any

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.cluster.forwarding import of_all_others
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.operation import operation, query, value
from s3gw.telemetry import counter_base

_PRIMARY = "proxy"


def _administers(first: str, action: str) -> Any:
    return operation("PUT", first, action=action, access=Access.ADMIN, needs_admin=True)


class _ResetStats:
    """The value is whether errors only are reset."""

    async def run(self, call: NativeCall) -> Reply:
        errors_only = bytes(call.message.value) == b"true"
        facts = call.native.node
        if facts.log_folder is not None:
            counted = await asyncio.to_thread(facts.counters)
            await asyncio.to_thread(
                counter_base.reset, facts.log_folder, counted, errors_only=errors_only
            )
        return Reply()


@_administers("cluster", "reset-stats")
class ResetStats(_ResetStats):
    """Of all nodes; the counters are those of the whole server on each machine."""

    async def run(self, call: NativeCall) -> Reply:
        await of_all_others(call)
        return await super().run(call)


@_administers("daemon", "reset-stats")
class ResetNodeStats(_ResetStats):
    """Of the one node: the same counters."""


class _Nothing:
    async def run(self, call: NativeCall) -> Reply:
        return Reply()


@_administers("cluster", "clear-lcache")
class ClearCache(_Nothing):
    """No metadata is kept in memory beyond what is on the disk."""


@_administers("daemon", "clear-lcache")
class ClearNodeCache(_Nothing):
    """The same of the one node."""


@_administers("cluster", "reload-creds")
class ReloadCredentials(_Nothing):
    """There are no clouds, and no credentials for them."""


@_administers("daemon", "reload-creds")
class ReloadNodeCredentials(_Nothing):
    """The same of the one node."""


@_administers("cluster", "stop-maintenance")
class StopMaintenance:
    """The node of the message is not in maintenance."""

    asked: dict[str, Any] | None = value(default=None)

    async def run(self, call: NativeCall) -> Reply:
        _require_node(call, str((self.asked or {}).get("sid", "")))
        return Reply()


@operation("PUT", "cluster/{item}/{node}", access=Access.ADMIN, needs_admin=True, is_audited=True)
class SetPrimary:
    """The primary is the primary already; another one is not chosen by hand."""

    force: bool = query("frc", default=False)

    async def run(self, call: NativeCall) -> Reply:
        item, node = call.segments[1], call.segments[2]
        if item != _PRIMARY:
            raise unsupported(f'"{item[:64]}"')
        smap = call.native.members.smap(call.endpoint)
        if node not in smap.pmap:
            _refuse_node(call, node)
        if node != smap.proxy_si.daemon_id:
            raise unsupported("choosing the primary: the nodes agree on it, so it")
        return Reply()


@operation("PUT", "daemon/{item}/{node}", access=Access.ADMIN, needs_admin=True)
class SetPrimaryOfNode:
    """Only the cluster has a primary."""

    async def run(self, call: NativeCall) -> Reply:
        item = call.segments[1]
        if item != _PRIMARY:
            raise unsupported(f'"{item[:64]}"')
        primary = call.native.members.smap(call.endpoint).proxy_si.daemon_id
        where = "expecting '/v1/cluster/...' when designating a new one"
        raise NativeError(400, f"p[{primary}] (self) is primary, {where}")


def _require_node(call: NativeCall, node: str) -> None:
    if call.native.members.smap(call.endpoint).find(node) is None:
        _refuse_node(call, node)


def _refuse_node(call: NativeCall, node: str) -> None:
    smap = call.native.members.smap(call.endpoint)
    primary = smap.proxy_si.daemon_id
    message = f"p[{primary}]: node {node[:64]} not present in Smap v{smap.version}"
    raise NativeError(404, message, Tcode.NODE_NOT_FOUND)
