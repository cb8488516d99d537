"""A real s3gw server process on a folder of its own, started, stopped and killed.

Standard library only: clients import it from environments that hold nothing of ours.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compat.processes import descendants

REPOSITORY = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.02
HOST = "127.0.0.1"
# The flags of `s3gw serve` for a certificate and its key, both PEM files; None where it has none.
TLS_FLAGS: tuple[str, str] | None = ("--tls-cert", "--tls-key")


class ServerFailed(Exception):
    """The server ended, or did not answer in time; the text ends with what it logged."""


@dataclass(frozen=True, slots=True)
class Keys:
    access_key: str = "COMPATACCESSKEY12345"
    secret_key: str = "compat-secret-key-0123456789abcdefghijkl"


class Server:
    """`with Server(folder) as server:` listens at `server.endpoint` until the block ends.

    It leads a process group of its own, so that `kill` takes every process at once.
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: Sequence[str] = (),
        scheme: str = "http",
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
        source: Path = REPOSITORY,
    ) -> None:
        self._source = source
        self._variables = environment or {}
        self.port = free_port()
        self.scheme = scheme
        self.keys = Keys()
        self.log = folder / "server.log"
        self._folder = folder
        self._python = [python, "-m", "s3gw"]
        self._command = [*self._python, "serve", "--data", str(folder / "data"), *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}"

    @property
    def data(self) -> Path:
        return self._folder / "data"

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> None:
        """Returns when it answers. A second start is on the same port and the same data."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "--port", str(self.port), "--host", HOST],
                cwd=self._source,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_until_ready(self._process, self.scheme, self.port, self.log)
        except ServerFailed:
            if self._process.poll() is None:
                self.kill()
            raise

    def stop(self) -> None:
        """As an operator would: asked to end, with time to finish."""
        if (process := self._process) is None:
            return
        if process.poll() is not None:
            raise ServerFailed(f"the server had ended with {process.returncode}: {self._tail()}")
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"the server did not end when asked: {self._tail()}") from None
        self._process = None

    def token(self) -> str:
        """A bearer token that may do everything, made from the data folder."""
        command = [*self._python, "auth", "token", "--data", str(self.data)]
        environment = self._environment()
        done = subprocess.run(
            command, cwd=self._source, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise ServerFailed(f"no token: {done.stderr[-2000:]}")
        return done.stdout.strip()

    def kill(self) -> None:
        """As a power cut would: the whole group at once, and whoever left it."""
        process = self._running()
        family = descendants(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
        for pid in family:
            _kill_if_alive(pid)
        process.wait()
        self._process = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        # Workers do not look in the current folder for the code.
        environment = _server_environment(os.environ, self.keys) | dict(self._variables)
        return environment | {"PYTHONPATH": str(self._source)}

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerFailed("the server is not running")
        return self._process

    def _tail(self) -> str:
        return _tail(self.log)


def wait_until_ready(process: subprocess.Popen[bytes], scheme: str, port: int, log: Path) -> None:
    """Wait until the process answers. Raises `ServerFailed`, with the end of its log."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not _answers(scheme, port):
        if process.poll() is not None:
            raise ServerFailed(f"the server ended with {process.returncode}: {_tail(log)}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"the server did not answer: {_tail(log)}")
        time.sleep(POLL_S)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def clean_up_when_terminated() -> None:
    """SIGTERM ends this process as an exception does: servers are stopped, folders removed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: Any = probe.getsockname()[1]
        return int(port)


def _answers(scheme: str, port: int) -> bool:
    connection = _connection(scheme, port)
    try:
        connection.request("GET", "/v1/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(scheme: str, port: int) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(HOST, port, timeout=1)
    # Who answers is no question yet.
    anyone = ssl._create_unverified_context()
    return http.client.HTTPSConnection(HOST, port, timeout=1, context=anyone)


def _server_environment(environ: Mapping[str, str], keys: Keys) -> dict[str, str]:
    clean = {name: value for name, value in environ.items() if not name.startswith("S3GW_")}
    return clean | {
        "S3GW_ROOT_ACCESS_KEY": keys.access_key,
        "S3GW_ROOT_SECRET_KEY": keys.secret_key,
    }


def _kill_if_alive(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
