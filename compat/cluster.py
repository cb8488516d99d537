"""Several gateways of one cluster behind one address, each request to the next of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from compat.installed import NotHere
from compat.server import HOST, Keys, Server, free_port, wait_until_ready
from tests.cluster.postgres import PostgresServer, postgres

_CONFIGURATION = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    large_client_header_buffers 16 64k;
    ignore_invalid_headers off;
    merge_slashes off;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_read_timeout 600;
    proxy_next_upstream off;
    proxy_set_header Host $http_host;
    proxy_set_header Connection "";
    upstream nodes {{ {nodes} keepalive 64; }}
    server {{ listen {host}:{port}; location / {{ proxy_pass http://nodes; }} }}
}}
"""


class ClusterServer:
    """As `Server`, for tests that speak http."""

    def __init__(
        self,
        folder: Path,
        nodes: int,
        *,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._options = options
        self._environment = environment
        self._count = nodes
        self._running = ExitStack()
        self.port = free_port()
        self.keys = Keys()
        self.nodes: list[Server] = []

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def token(self) -> str:
        return self.nodes[0].token()

    def __enter__(self) -> ClusterServer:
        try:
            self._start(self._running.enter_context(_database()))
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.close()

    def _start(self, database: PostgresServer) -> None:
        shared = self._folder / "shared"
        shared.mkdir(parents=True)
        for number in range(self._count):
            place = {
                "S3GW_CLUSTER_DATABASE": database.address(),
                "S3GW_CLUSTER_BLOBS": f"shared:{shared}",
                "S3GW_CLUSTER_NODE": f"node-{number}",
            }
            node = Server(
                self._folder / f"node-{number}",
                options=self._options,
                environment={**(self._environment or {}), **place},
            )
            self.nodes.append(self._running.enter_context(node))
        self._running.enter_context(_balancer(self._folder / "nginx", self.port, self.nodes))


@contextmanager
def _database() -> Iterator[PostgresServer]:
    try:
        with postgres() as running:
            yield running
    except pytest.skip.Exception as reason:
        raise NotHere(str(reason)) from None


@contextmanager
def _balancer(folder: Path, port: int, nodes: Sequence[Server]) -> Iterator[None]:
    if shutil.which("nginx") is None:
        raise NotHere("nginx is not installed: make test-deps")
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            user="user root;" if os.geteuid() == 0 else "",
            host=HOST,
            port=port,
            nodes=" ".join(f"server {HOST}:{node.port};" for node in nodes),
        )
    )
    log = folder / "error.log"
    command = ["nginx", "-e", str(log), "-c", str(configuration)]
    process = subprocess.Popen(command)
    try:
        wait_until_ready(process, "http", port, log)
        yield
    finally:
        process.terminate()
        process.wait()
