"""Machines of one cluster in the test's process, each with a port of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from msgspec.structs import replace

from cluster.coordination.embedded import EmbeddedCoordination, prepare
from cluster.coordination.latest import Latest
from cluster.members.nodes import Members, NodeFacts
from s3gw.native.members import Cluster, ClusterMembers
from s3gw.native.services import NativeServices
from s3gw.native.smap import gateway_id, target_id
from s3gw.outbound.peers import PeerClient
from tests.native.config_scene import ConfigScene
from tests.native.scene import CLUSTER
from tests.server_process import eventually

HOST = "127.0.0.1"


class MachineScene(ConfigScene):
    """The machine with that name. All machines of a test share the entries in `shared`."""

    def __init__(self, folder: Path, name: str, shared: Path) -> None:
        folder.mkdir()
        self.name = name
        self.folder = folder
        self.gateway, self.target = gateway_id(CLUSTER, name), target_id(CLUSTER, name)
        self.entries = EmbeddedCoordination(shared)
        self.members = Members(self.entries)
        self.peers = PeerClient()
        self._socket = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        super().__init__(folder)
        self.server.run(self.members.announce(name, NodeFacts(self.url)))
        self._http = uvicorn.Server(
            uvicorn.Config(self.server.app, lifespan="off", log_config=None, ws="none")
        )
        self._serving = self.server.start(self._http.serve(sockets=[self._socket]))
        eventually(lambda: self._http.started, "the port is not served")

    def joined(self, native: NativeServices) -> NativeServices:
        members = ClusterMembers(self.members, CLUSTER, self.name, self.url)
        return replace(native, cluster=Cluster(members, self.peers, Latest(self.entries)))

    def stop(self) -> None:
        """End the server on the port; the machine stays in the map."""
        self._http.should_exit = True
        self._serving.result(60)

    def close(self) -> None:
        self.stop()
        self.server.run(self.peers.aclose())
        super().close()
        self._socket.close()
        self.entries.close()


@contextmanager
def machines(folder: Path, *names: str) -> Iterator[list[MachineScene]]:
    """Machines of those names; the first one leads."""
    shared = folder / "shared.db"
    prepare(shared)
    made: list[MachineScene] = []
    try:
        made.extend(MachineScene(folder / name, name, shared) for name in names)
        made[0].server.run(made[0].members.lead(names[0]))
        yield made
    finally:
        for each in made:
            each.close()
