"""State of this machine's nodes, in AIStore's structures.

Most numbers of 64 bits are texts; counters are numbers, and so are the bytes of memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from s3gw.http.addresses import endpoint_of
from s3gw.http.request import read_headers
from s3gw.native.actmsg import json
from s3gw.native.services import NativeServices
from s3gw.native.smap import Snode
from s3gw.telemetry.aistore_counters import STATE, UPTIME, kinds
from s3gw.telemetry.counter_base import since_reset
from s3gw.telemetry.host_stats import DiskRates, Room, SystemInfo, room_of
from s3gw.telemetry.node_info import NodeInfo
from storage.backend import Backend

if TYPE_CHECKING:
    from starlette.types import Scope

# NodeStarted and ClusterStarted: a healthy node.
_HEALTHY = 2 | 4
_ONLINE = "online"


class Fs(Struct, frozen=True, rename={"fs": "Fs", "fs_type": "FsType", "fs_id": "FsID"}):
    fs: str
    fs_type: str
    fs_id: str


class MountpathCapacity(Struct, frozen=True):
    used: str
    avail: str
    pct_used: int
    mountpath_label: str
    fs: Fs
    disks: tuple[str, ...]


class Capacity(Struct, frozen=True):
    """`mountpaths` is None for a gateway."""

    mountpaths: dict[str, MountpathCapacity] | None
    cs_err: str
    total_used: str
    total_avail: str
    pct_max: int
    pct_avg: int
    pct_min: int


class NodeStats(Struct, frozen=True):
    snode: Snode
    tracker: dict[str, int]
    capacity: Capacity


class Primary(Struct, frozen=True):
    pub_url: str
    control_url: str
    id: str


class SmapState(Struct, frozen=True, rename={"primary": "Primary"}):
    primary: Primary
    uuid: str
    version: str


class Versioned(Struct, frozen=True):
    version: str
    uuid: str = ""


class ClusterState(Struct, frozen=True):
    smap: SmapState
    bmd: Versioned
    rmd: Versioned
    config: Versioned
    etlmd: Versioned
    flags: int


class NodeStatus(Struct, frozen=True):
    snode: Snode
    tracker: dict[str, int]
    capacity: Capacity
    status: str
    deployment: str
    ais_version: str
    build_time: str
    k8s_pod_name: str
    cluster: ClusterState
    sys_info: SystemInfo
    smap_version: str


class TargetSystem(SystemInfo, frozen=True):
    """Memory of the machine, and the space of all file systems together."""

    fs_used: str = "0"
    fs_capacity: str = "0"
    pct_fs_used: float = 0.0


class DiskStats(Struct, frozen=True):
    RBps: int
    Ravg: int
    WBps: int
    Wavg: int
    Util: int


class Mountpaths(Struct, frozen=True):
    available: tuple[str, ...]
    waiting_dd: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()


def cluster_state(services: NativeServices, endpoint: str, buckets_revision: int) -> ClusterState:
    smap = services.members.smap(endpoint)
    url = smap.proxy_si.public_net.direct_url
    primary = Primary(url, url, smap.proxy_si.daemon_id)
    return ClusterState(
        smap=SmapState(primary, smap.uuid, smap.version),
        bmd=Versioned(str(buckets_revision), smap.uuid),
        rmd=Versioned("0"),
        config=Versioned(str(services.settings.record.version)),
        etlmd=Versioned("0"),
        flags=_HEALTHY,
    )


async def cluster_state_json(store: Backend, services: NativeServices, scope: Scope) -> bytes:
    """Return the state as JSON, for a request of any caller."""
    await services.settings.refresh()
    await services.members.refresh()
    endpoint = endpoint_of(read_headers(scope["headers"]), scope.get("scheme", "http"))
    return json(cluster_state(services, endpoint, await store.buckets_revision()))


def node_stats(facts: NodeInfo, snode: Snode) -> NodeStats:
    """Return the node's statistics. Reads files, as all functions from here on do."""
    return NodeStats(snode, _tracker(facts), capacity(_rooms_of(facts, snode)))


def node_status(facts: NodeInfo, snode: Snode, state: ClusterState) -> NodeStatus:
    stats = node_stats(facts, snode)
    return NodeStatus(
        snode=stats.snode,
        tracker=stats.tracker,
        capacity=stats.capacity,
        status=_ONLINE,
        deployment="linux",
        ais_version=facts.version,
        build_time="",
        k8s_pod_name="",
        cluster=state,
        sys_info=facts.meter.system(),
        smap_version=state.smap.version,
    )


def system_of(facts: NodeInfo, snode: Snode) -> SystemInfo:
    info = facts.meter.system()
    if snode.daemon_type != "target":
        return info
    whole = capacity(room_of(facts.folders))
    used, total = int(whole.total_used), int(whole.total_used) + int(whole.total_avail)
    fields = {name: getattr(info, name) for name in SystemInfo.__struct_fields__}
    percent = round(100 * used / max(total, 1), 2)
    return TargetSystem(**fields, fs_used=str(used), fs_capacity=str(total), pct_fs_used=percent)


def mountpaths(facts: NodeInfo) -> Mountpaths:
    return Mountpaths(tuple(str(folder) for folder in _absolute(facts.folders)))


def disks(facts: NodeInfo) -> dict[str, Any]:
    """Return the rates of each disk, under Go's name for an embedded map, and the space."""
    rooms = room_of(_absolute(facts.folders))
    names = sorted({name for room in rooms for name in room.filesystem.disks})
    rates = {name: _disk_stats(facts.meter.disk(name)) for name in names}
    whole = capacity(rooms)
    return {"AllDiskStats": rates} | {
        name: getattr(whole, name) for name in Capacity.__struct_fields__
    }


def capacity(rooms: Sequence[Room]) -> Capacity:
    """Sum up the file systems. One that holds two mountpaths counts once in the totals."""
    percents = [room.percent_used for room in rooms] or [0]
    apart = {(room.filesystem.source, room.filesystem.id): room for room in rooms}.values()
    return Capacity(
        mountpaths={str(room.folder): _mountpath(room) for room in rooms} or None,
        cs_err="",
        total_used=str(sum(room.used for room in apart)),
        total_avail=str(sum(room.available for room in apart)),
        pct_max=max(percents),
        pct_avg=round(sum(percents) / len(percents)),
        pct_min=min(percents),
    )


def _rooms_of(facts: NodeInfo, snode: Snode) -> list[Room]:
    """Return the file systems of the node; gateways have no mountpaths."""
    return room_of(_absolute(facts.folders)) if snode.daemon_type == "target" else []


def _absolute(folders: Sequence[Path]) -> list[Path]:
    return [folder.absolute() for folder in folders]


def _mountpath(room: Room) -> MountpathCapacity:
    on = room.filesystem
    halves = f"{_signed(on.id)},{_signed(on.id >> 32)}"
    return MountpathCapacity(
        str(room.used),
        str(room.available),
        room.percent_used,
        "",
        Fs(on.source, on.kind, halves),
        on.disks,
    )


def _signed(number: int) -> int:
    """Return its low 32 bits, as Go's int32."""
    low = number & 0xFFFFFFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def _tracker(facts: NodeInfo) -> dict[str, int]:
    counted: Mapping[str, int] = {**dict.fromkeys(kinds(), 0), **facts.counters()}
    if facts.log_folder is not None:
        counted = since_reset(facts.log_folder, counted)
    return {**counted, UPTIME: facts.uptime_ns, STATE: _HEALTHY}


def _disk_stats(rates: DiskRates) -> DiskStats:
    return DiskStats(
        rates.read_bps,
        rates.read_average,
        rates.write_bps,
        rates.write_average,
        rates.utilization,
    )
