"""Cluster map as AIStore writes it."""

from __future__ import annotations

from msgspec import Struct


class Net(Struct, frozen=True):
    """`direct_url` is where clients connect; ports are texts."""

    node_ip_addr: str
    daemon_port: str
    direct_url: str


class Snode(Struct, frozen=True):
    """One node; `id_digest` is the hash of its id that places objects."""

    public_net: Net
    intra_control_net: Net
    intra_data_net: Net
    daemon_type: str
    daemon_id: str
    flags: int
    id_digest: int


class Smap(Struct, frozen=True):
    """Targets and gateways by id, and the primary gateway; the version is a decimal text."""

    tmap: dict[str, Snode]
    pmap: dict[str, Snode]
    proxy_si: Snode
    version: str
    uuid: str
    creation_time: str
