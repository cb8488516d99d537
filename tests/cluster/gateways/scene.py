"""Gateways of one cluster: real servers on one database and one folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.cluster.gateways.namespace import Namespace
from tests.cluster.postgres import PostgresServer
from tests.server_process import ServerProcess, clean_environment

_databases = count()


class GatewayCluster:
    """The nodes of one cluster; each is made when it is first asked for."""

    def __init__(self, server: PostgresServer, address: str, folder: Path) -> None:
        self.server = server
        self.address = address
        self.folder = folder
        self._nodes: dict[str, ServerProcess] = {}

    @property
    def shared(self) -> Path:
        return self.folder / "shared"

    def node(
        self,
        name: str,
        *,
        fixed_keys: bool = True,
        address: str = "",
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        namespace: Namespace | None = None,
    ) -> ServerProcess:
        """Return the node, which may have to be started; `address` is its own way to the
        database."""
        if name not in self._nodes:
            place = [
                "--cluster",
                address or self.address,
                "--cluster-blobs",
                f"shared:{self.shared}",
            ]
            self._nodes[name] = ServerProcess(
                self.folder / name,
                flags=[*place, "--cluster-node", name, *flags],
                fixed_keys=fixed_keys,
                environment=environment,
                wrapper=namespace.wrapper if namespace else (),
                host=namespace.host if namespace else "127.0.0.1",
            )
        return self._nodes[name]

    def auth(self, name: str, *arguments: str) -> Any:
        """What `s3gw auth` prints on that node, beside its server."""
        node = self._nodes[name]
        place = {
            "S3GW_CLUSTER_DATABASE": self.address,
            "S3GW_CLUSTER_BLOBS": f"shared:{self.shared}",
            "S3GW_CLUSTER_NODE": name,
        }
        command = [sys.executable, "-m", "s3gw", "auth", *arguments, "--json"]
        done = subprocess.run(
            [*command, "--data", str(node.data[0])],
            env={**clean_environment(), **place, **node.environment},
            capture_output=True,
            text=True,
        )
        assert not done.returncode, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def close(self) -> None:
        for node in self._nodes.values():
            node.destroy()


@contextmanager
def gateway_cluster(server: PostgresServer, folder: Path) -> Iterator[GatewayCluster]:
    """A cluster on a database of its own, without nodes yet."""
    name = f"gateways_{next(_databases)}"
    server.run(f"CREATE DATABASE {name}")
    cluster = GatewayCluster(server, server.address(name), folder)
    cluster.shared.mkdir(parents=True)
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        ending.callback(cluster.close)
        yield cluster
