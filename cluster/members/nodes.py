"""Map of the nodes: facts of each, the leader, and those without news.

/cluster/members/map            the version, the node that leads, those without news
/cluster/members/nodes/<name>   what the node says of itself

They are coordination entries, so every process reads them from the replica of its node. Each change
compares the map's entry and writes it, with the next version, so all nodes see the same map under
a version. Nodes write their own entries; the leader writes the rest (`watching`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from cluster.coordination import Coordination, Delete, Entry, Put, Unchanged
from storage.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

# What this version speaks to other nodes.
PROTOCOL = 1

_PREFIX = "/cluster/members/"
_MAP = _PREFIX + "map"
_NODES = _PREFIX + "nodes/"
_ATTEMPTS = 20

T = TypeVar("T")


class NodeFacts(Struct, frozen=True):
    """What a node says of itself. `url` is where others reach it: scheme, host and port, for S3 and
    for the native API. `version` is that of s3gw; the node was started at `started_ns`."""

    url: str
    version: str = ""
    workers: int = 1
    started_ns: int = 0
    protocol: int = PROTOCOL


class Node(Struct, frozen=True):
    """`is_missing`: the database has had no news of it for some time."""

    name: str
    facts: NodeFacts
    is_missing: bool = False


class ClusterMap(Struct, frozen=True):
    """`version` grows with each change; `leader` is the name of the node that leads, or led last,
    empty before the first one. The nodes are in the order of their names."""

    version: int = 0
    leader: str = ""
    nodes: tuple[Node, ...] = ()

    def node(self, name: str) -> Node | None:
        return next((node for node in self.nodes if node.name == name), None)

    def with_node(self, node: Node) -> ClusterMap:
        """Return the map with that node, instead of the one of its name."""
        others = (each for each in self.nodes if each.name != node.name)
        return replace(self, nodes=tuple(sorted((*others, node), key=lambda each: each.name)))


class _Head(Struct, frozen=True):
    """The map's entry, as it is stored."""

    version: int = 0
    leader: str = ""
    missing: tuple[str, ...] = ()


class Members:
    """One process's copy of the map, for one event loop. Changes raise `DatabaseUnavailable`."""

    def __init__(self, coordination: Coordination) -> None:
        self._coordination = coordination
        self._revision = -1
        self._head_revision = 0
        self._catching_up = asyncio.Lock()
        self.map = ClusterMap()

    async def refresh(self) -> ClusterMap:
        """Return the map as this node can read it; microseconds when nothing was written."""
        if self._coordination.revision() != self._revision:
            async with self._catching_up:
                entries, revision = await self._coordination.range(_PREFIX)
                self.map, self._head_revision = _read(entries)
                self._revision = revision
        return self.map

    async def announce(self, name: str, facts: NodeFacts) -> None:
        """Let the node be in the map, with these facts. Whether it is missing is not for it to
        say: its news are in the database."""

        def announced(old: ClusterMap) -> ClusterMap:
            known = old.node(name)
            return old.with_node(Node(name, facts, known is not None and known.is_missing))

        await self._change(announced)

    async def withdraw(self, name: str) -> None:
        """Take the node out of the map."""
        await self.mark(gone=frozenset({name}))

    async def lead(self, name: str) -> None:
        """Let the node be the leader."""
        await self._change(lambda old: replace(old, leader=name))

    async def mark(
        self, *, missing: frozenset[str] | None = None, gone: frozenset[str] = frozenset()
    ) -> None:
        """Let those nodes be missing and no others, None for no change; take out those that are
        gone."""

        def marked(old: ClusterMap) -> ClusterMap:
            left = tuple(node for node in old.nodes if node.name not in gone)
            if missing is not None:
                left = tuple(replace(node, is_missing=node.name in missing) for node in left)
            return replace(old, nodes=left)

        await self._change(marked)

    async def _change(self, changed: Callable[[ClusterMap], ClusterMap]) -> None:
        for _ in range(_ATTEMPTS):
            old = await self.refresh()
            new = changed(old)
            if new == old:
                return
            unchanged = [Unchanged(_MAP, self._head_revision)]
            if await self._coordination.transact(unchanged, _writes(old, new)) is not None:
                await self.refresh()
                return
        raise DatabaseUnavailable("other nodes change the map of the cluster at the same time")


def _read(entries: Sequence[Entry]) -> tuple[ClusterMap, int]:
    """Return the map, and the revision of its own entry."""
    head, head_revision = _Head(), 0
    facts: dict[str, NodeFacts] = {}
    for entry in entries:
        if entry.key == _MAP:
            head, head_revision = _decoded(entry, _Head) or head, entry.mod_revision
        elif entry.key.startswith(_NODES):
            found = _decoded(entry, NodeFacts)
            if found is not None:
                facts[entry.key.removeprefix(_NODES)] = found
    nodes = tuple(Node(name, facts[name], name in head.missing) for name in sorted(facts))
    return ClusterMap(head.version, head.leader, nodes), head_revision


def _writes(old: ClusterMap, new: ClusterMap) -> list[Put | Delete]:
    missing = tuple(node.name for node in new.nodes if node.is_missing)
    head = _Head(old.version + 1, new.leader, missing)
    before = {node.name: node.facts for node in old.nodes}
    after = {node.name: node.facts for node in new.nodes}
    return [
        Put(_MAP, msgspec.json.encode(head)),
        *(Delete(_NODES + name) for name in before if name not in after),
        *(
            Put(_NODES + name, msgspec.json.encode(facts))
            for name, facts in after.items()
            if before.get(name) != facts
        ),
    ]


def _decoded(entry: Entry, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(entry.value, type=kind)
    except msgspec.DecodeError as error:
        log.error("entry of a member cannot be read", extra={"key": entry.key, "error": str(error)})
        return None
