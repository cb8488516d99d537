"""State of one node: `GET /v1/daemon?what=`, and `/v1/reverse/daemon` with its id.

A machine is a gateway and a target. A request that names neither is answered by the gateway,
except for what only targets have. What is about another machine's node is sent on (`forwarding`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply
from s3gw.native.call import NativeCall, NativeRequest
from s3gw.native.cluster.config_shape import node_config
from s3gw.native.cluster.node import asked_node
from s3gw.native.cluster.node_state import (
    cluster_state,
    disks,
    mountpaths,
    node_stats,
    node_status,
    system_of,
)
from s3gw.native.errors import NativeError
from s3gw.native.operation import operation, query
from s3gw.telemetry.aistore_counters import kinds
from s3gw.telemetry.recent_log import SEVERITIES, archive_of, lines_of

_TIME = "%Y-%m-%d %H:%M:%S UTC"

_DAEMON = "daemon"
_REVERSE = "reverse"
_NODE_HEADER = "ais-node-id"


def turn_to_node(call: NativeRequest) -> None:
    """Note the node that a request through this gateway is for. Raise 400 for one without."""
    if call.segments[:2] != (_REVERSE, _DAEMON):
        return
    call.node_id = call.sent.get(_NODE_HEADER, "")
    if not call.node_id:
        raise NativeError(400, "missing node ID: the header Ais-Node-Id names it")
    call.segments = call.segments[1:]


def check_node(call: NativeCall) -> None:
    """Raise 404 for a node that is not in the map."""
    if call.node_id and call.native.members.smap(call.endpoint).find(call.node_id) is None:
        raise NativeError(404, f'node "{call.node_id[:64]}" does not exist in the cluster map')


def require_target(call: NativeCall, what: str) -> None:
    """Raise 400 for a request to a gateway that only targets can answer."""
    if call.node_id == call.native.members.gateway:
        raise NativeError(400, f'invalid query "what={what}": node {call.node_id} is a gateway')


@operation("GET", "daemon", what="config", access=Access.SHOW_CLUSTER)
class GetNodeConfig:
    async def run(self, call: NativeCall) -> Reply:
        await call.native.settings.refresh()
        return json_reply(node_config(call.native))


@operation("GET", "daemon", what="node_stats", access=Access.SHOW_CLUSTER)
class GetNodeStats:
    async def run(self, call: NativeCall) -> Reply:
        snode = asked_node(call)
        return json_reply(await asyncio.to_thread(node_stats, call.native.node, snode))


@operation("GET", "daemon", what="node_status", access=Access.SHOW_CLUSTER)
class GetNodeStatus:
    async def run(self, call: NativeCall) -> Reply:
        await call.native.settings.refresh()
        revision = await call.store.buckets_revision()
        state = cluster_state(call.native, call.endpoint, revision)
        snode, facts = asked_node(call), call.native.node
        return json_reply(await asyncio.to_thread(node_status, facts, snode, state))


@operation("GET", "daemon", what="sysinfo", access=Access.SHOW_CLUSTER)
class GetNodeSysInfo:
    async def run(self, call: NativeCall) -> Reply:
        snode = asked_node(call)
        return json_reply(await asyncio.to_thread(system_of, call.native.node, snode))


@operation("GET", "daemon", what="metrics", access=Access.SHOW_CLUSTER)
class GetMetricNames:
    """The kind of each of the node's counters."""

    async def run(self, call: NativeCall) -> Reply:
        return json_reply(kinds())


@operation("GET", "daemon", what="mountpaths", access=Access.SHOW_CLUSTER)
class GetMountpaths:
    async def run(self, call: NativeCall) -> Reply:
        require_target(call, "mountpaths")
        return json_reply(mountpaths(call.native.node))


@operation("GET", "daemon", what="disk", access=Access.SHOW_CLUSTER)
class GetDisks:
    async def run(self, call: NativeCall) -> Reply:
        require_target(call, "disk")
        return json_reply(await asyncio.to_thread(disks, call.native.node))


@operation("GET", "daemon", what="tls_certificate", access=Access.SHOW_CLUSTER)
class GetTlsCertificate:
    async def run(self, call: NativeCall) -> Reply:
        file = call.native.node.certificate
        if file is None:
            raise NativeError(404, "the server has no TLS certificate: it speaks plain http")
        return json_reply(await asyncio.to_thread(certificate_facts, file))


@operation("GET", "daemon", what="log", access=Access.SHOW_CLUSTER)
class GetLog:
    """The last lines of all processes, from the severity up; `all` packs their files. `offset` is
    the number of bytes that the client has."""

    severity: str = query("severity", default="")
    everything: bool = query("all", default=False)
    offset: int = query("offset", default=0)

    async def run(self, call: NativeCall) -> Reply:
        severity = self.severity.lower() or SEVERITIES[0]
        if severity not in SEVERITIES:
            known = ", ".join(SEVERITIES)
            raise NativeError(400, f"invalid log severity {severity[:32]!r}: must be of {known}")
        folder = call.native.node.log_folder
        if self.everything:
            return await self._archive(folder, severity)
        text = await asyncio.to_thread(lines_of, folder, severity) if folder else b""
        if not 0 <= self.offset <= len(text):
            raise NativeError(400, f"invalid log offset: the log has {len(text)} bytes")
        return Reply(headers={"Content-Type": "text/plain"}, body=text[self.offset :])

    async def _archive(self, folder: Path | None, severity: str) -> Reply:
        if folder is None:
            raise NativeError(404, "no log is kept")
        packed = await asyncio.to_thread(archive_of, folder, severity)
        return Reply(headers={"Content-Type": "application/gzip"}, body=packed)


def certificate_facts(file: Path) -> dict[str, str]:
    """Describe the first certificate of the file, under AIStore's names. Raise `OSError` and
    `ValueError`."""
    read = x509.load_pem_x509_certificate(file.read_bytes())
    names = read.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    from_, to = read.not_valid_before_utc, read.not_valid_after_utc
    return {
        "version": str(read.version.value + 1),
        "issued-by (CN)": str(names[0].value) if names else "",
        "signature-algorithm": read.signature_algorithm_oid.dotted_string,
        "public-key-algorithm": read.public_key_algorithm_oid.dotted_string,
        "serial-number": str(read.serial_number),
        "valid": f"from {from_:{_TIME}} to {to:{_TIME}}",
    }
