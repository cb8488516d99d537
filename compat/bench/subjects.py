"""What is measured: our server, nginx on files of the same content, and other S3 servers.

All are addressed alike: `target` gives what stands in the request line for a path, signed where
the server wants a signature.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from compat.bench.stream import Connection
from compat.presign import Presigner
from compat.processes import is_running
from compat.server import HOST, REPOSITORY, Server, free_port

BUCKET = "bench"
SMALL_LIST = "bench-list-small"
BIG_LIST = "bench-list-big"
VERSIONS = "bench-versions"
ENCRYPTED = "bench-encrypted"
_NGINX_READY_S = 10.0


class Can(Flag):
    """What a subject can be asked to do."""

    FILES = auto()
    S3 = auto()
    VERSIONS = auto()
    BIG_LIST = auto()
    ENCRYPTION = auto()
    NATIVE = auto()
    # A bucket of a cloud; and a first byte that is worth waiting for.
    CLOUD = auto()
    COLD_BYTE = auto()


class Subject(Protocol):
    """A running server. `pid` leads its processes; None when they are not ours to look at."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def can(self) -> Can: ...

    @property
    def pid(self) -> int | None: ...

    def target(self, method: str, path: str, query: Mapping[str, str] | None = None) -> str: ...

    def token(self) -> str:
        """A bearer token for the native API; empty where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Another S3 server, already running. Its API may lie below a `folder` of its address."""

    name: str
    host: str
    signer: Presigner
    can: Can = Can.FILES | Can.S3 | Can.VERSIONS
    pid: int | None = None
    folder: str = ""

    def target(self, method: str, path: str, query: Mapping[str, str] | None = None) -> str:
        return self.signer.url(method, self.folder + path, query)

    def token(self) -> str:
        return ""


def parse_peer(text: str) -> Peer:
    """Read `NAME=URL,KEY,SECRET[,PID]`; the process of that id leads those of the server. Raises
    `ValueError`."""
    name, _, rest = text.partition("=")
    url, key, secret, *more = rest.split(",")
    place = urlsplit(url)
    if not name or not place.netloc or len(more) > 1:
        raise ValueError(text)
    pid = int(more[0]) if more else None
    if pid is not None and not is_running(pid):
        raise ValueError(f"no process {pid}")
    signer = Presigner(place.netloc, key, secret)
    return Peer(name, place.netloc, signer, pid=pid, folder=place.path.rstrip("/"))


class Gateway:
    """Our own server on `folder`, with one of the HTTP servers that it can run; with `source`, that
    of another checkout."""

    can = Can.FILES | Can.S3 | Can.VERSIONS | Can.BIG_LIST | Can.ENCRYPTION | Can.NATIVE

    def __init__(
        self,
        folder: Path,
        http_server: str,
        workers: int,
        more: Sequence[str] = (),
        source: Path = REPOSITORY,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = f"{'s3gw' if source == REPOSITORY else 'before'}, {http_server}"
        options = ["--workers", str(workers), "--http-server", http_server, "--access-log", "off"]
        # One for all servers, whose data are copies.
        options += ["--master-key-file", str(folder.parent / "master.key")]
        self.server = Server(
            folder, options=[*options, *more], source=source, environment=environment
        )
        self.host = f"{HOST}:{self.server.port}"
        keys = self.server.keys
        self._signer = Presigner(self.host, keys.access_key, keys.secret_key)

    @property
    def pid(self) -> int | None:
        return self.server.pid

    def target(self, method: str, path: str, query: Mapping[str, str] | None = None) -> str:
        return self._signer.url(method, path, query)

    def token(self) -> str:
        return self.server.token()

    def __enter__(self) -> Gateway:
        self.server.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.stop()


_NGINX_CONFIG = """
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{user}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {host};
    root {folder}/files;
    location / {{
      dav_methods PUT DELETE;
      create_full_put_path on;
    }}
  }}
}}
"""


class Nginx:
    """Static files, without authentication, checksums or fsync: the yardstick."""

    name = "nginx"
    can = Can.FILES

    def __init__(self, folder: Path, workers: int) -> None:
        self.host = f"{HOST}:{free_port()}"
        self._folder = folder
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def target(self, method: str, path: str, query: Mapping[str, str] | None = None) -> str:
        return quote(path)

    def token(self) -> str:
        return ""

    def __enter__(self) -> Nginx:
        (self._folder / "files").mkdir(parents=True)
        config = self._folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(
            _NGINX_CONFIG.format(
                folder=self._folder, workers=self._workers, host=self.host, user=user
            )
        )
        log = ["-e", str(self._folder / "error.log")]
        self._process = subprocess.Popen(["nginx", *log, "-c", str(config)])
        self._wait_until_ready()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _NGINX_READY_S
        while True:
            try:
                Connection(self.host).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return
