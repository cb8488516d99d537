"""A real `s3gw serve` on a temporary folder and a free port, for tests of the whole program.

    with ServerProcess(tmp_path) as server:
        server.client().create_bucket(Bucket="bucket")

Its output stands in `server.err` and `server.out` in that folder.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
ACCESS_KEY = "AKIATESTTESTTESTTEST"
SECRET_KEY = "test/secret/test/secret/test/secret/test"
START_S = 60.0
STOP_S = 60.0
_READY = re.compile(r"is ready at https?://\S+:(\d+)$", re.MULTILINE)
_POLL_S = 0.02


def eventually(check: Callable[[], T], what: str, timeout_s: float = 30.0) -> T:
    """Ask until the answer is true; the answer."""
    deadline = time.monotonic() + timeout_s
    while not (answer := check()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        threading.Event().wait(_POLL_S)
    return answer


def clean_environment() -> dict[str, str]:
    """This process's, without settings of s3gw and without the clouds' own."""
    clouds = ("AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "STORAGE_EMULATOR_", "HADOOP_")
    others = ("S3GW_", "AIS_REMOTE_", "AIS_HDFS_", *clouds)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    return {**kept, "PYTHONPATH": str(ROOT)}


class ServerProcess:
    """Stopped and started at will; port, data and keys stay the same.

    `flags` and `environment` are added to the command's own; without `fixed_keys` the server makes
    its own. `authority` is the certificate to trust when the flags make it speak https. `data` are
    the data folders, by default one below `folder`; `open_files` is the system's limit for it. The
    command begins with `wrapper`, and it is reached at `host`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        data: Sequence[Path] = (),
        workers: int = 1,
        fixed_keys: bool = True,
        authority: Path | None = None,
        open_files: int | None = None,
        wrapper: Sequence[str] = (),
        host: str = "127.0.0.1",
    ) -> None:
        self.folder = folder
        self.wrapper = list(wrapper)
        self.host = host
        self.open_files = open_files
        self.authority = authority
        self.data = list(data) or [folder / "data"]
        self.flags = list(flags)
        self.workers = workers
        self.port = 0
        keys = {"S3GW_ROOT_ACCESS_KEY": ACCESS_KEY, "S3GW_ROOT_SECRET_KEY": SECRET_KEY}
        self.environment = {**(keys if fixed_keys else {}), **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> ServerProcess:
        return self if self.process else self.start()

    def __exit__(self, *exc: object) -> None:
        self.destroy()

    @property
    def command(self) -> list[str]:
        folders = [part for folder in self.data for part in ("--data", str(folder))]
        numbers = ["--port", str(self.port), "--workers", str(self.workers)]
        limited = ["sh", "-c", f'ulimit -n {self.open_files}; exec "$@"', "sh"]
        program = [*self.wrapper, sys.executable, "-m", "s3gw", "serve"]
        command = [*program, *folders, *numbers, *self.flags]
        return [*limited, *command] if self.open_files else command

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.authority else 'http'}://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        return self.running.pid

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "the server was not started"
        return self.process

    @property
    def errors(self) -> str:
        """What it wrote to stderr since it was last started: banner and log."""
        return (self.folder / "server.err").read_text()

    @property
    def output(self) -> str:
        """What it wrote to stdout since it was last started: the access log."""
        return (self.folder / "server.out").read_text()

    def start(self) -> ServerProcess:
        """Start, and wait until `/v1/health` says 200."""
        self.launch()
        try:
            eventually(self._is_up, "server ready", START_S)
            eventually(lambda: self.health() == 200, "server healthy", START_S)
        except BaseException:
            self.kill9()
            raise
        return self

    def launch(self) -> None:
        """Start without waiting."""
        with self._open("server.out") as out, self._open("server.err") as err:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env={**clean_environment(), **self.environment},
            )

    def stop(self) -> int:
        """SIGTERM, and the exit code when it is gone."""
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(STOP_S)

    def kill9(self) -> None:
        """SIGKILL to the supervisor; returns when the workers are gone too."""
        children = self.children()
        self.running.kill()
        self.running.wait(STOP_S)
        eventually(lambda: not any(map(is_alive, children.values())), "workers gone", STOP_S)

    def kill9_all(self) -> None:
        """SIGKILL to every process at once, as when the machine stops."""
        self.freeze()
        children = self.children()
        for pid in (self.pid, *children.values()):
            os.kill(pid, signal.SIGKILL)
        self.running.wait(STOP_S)
        eventually(lambda: not any(map(is_alive, children.values())), "workers gone", STOP_S)

    def freeze(self) -> None:
        """Stop the supervisor in its tracks: it starts no child and lets no dead one go."""
        self.running.send_signal(signal.SIGSTOP)
        eventually(lambda: state_of(self.pid) in "TZ", "supervisor frozen")

    def kill_child(self, pid: int) -> None:
        """SIGKILL to one child; returns when the supervisor has seen it."""
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: f'"dead_pid":{pid},' in self.errors, "death noticed")

    def restart(self) -> ServerProcess:
        if self.running.poll() is None:
            self.stop()
        return self.start()

    def destroy(self) -> None:
        """Whatever state it is in: no process is left."""
        if self.process is not None and self.process.poll() is None:
            self.kill9_all()

    def children(self) -> dict[str, int]:
        """Process ids by slot: `maintenance`, `worker-0`, ..."""
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        named = {_name(int(pid)): int(pid) for pid in listed}
        named.pop("", None)
        return named

    def worker_pids(self) -> list[int]:
        return [pid for slot, pid in self.children().items() if slot.startswith("worker")]

    def health(self) -> int:
        """The status of `/v1/health`; 0 when nobody answers."""
        try:
            return self.get("/v1/health")[0]
        except (OSError, http.client.HTTPException):
            return 0

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of an unsigned GET."""
        connection = self.connection()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def connection(self) -> http.client.HTTPConnection:
        if self.authority is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=10)
        trusted = ssl.create_default_context(cafile=self.authority)
        return http.client.HTTPSConnection(self.host, self.port, timeout=10, context=trusted)

    def client(self, access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY) -> S3Client:
        """A boto3 client with these keys that does not retry."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            verify=str(self.authority) if self.authority else None,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def _is_up(self) -> bool:
        assert self.running.poll() is None, f"the server ended:\n{self.errors}"
        if found := _READY.search(self.errors):
            self.port = int(found[1])
        return found is not None

    def _open(self, name: str) -> IO[bytes]:
        return (self.folder / name).open("wb")


def is_alive(pid: int) -> bool:
    """A zombie whose other threads have not ended still holds its sockets and files."""
    state = state_of(pid)
    return state not in ("", "Z") or (state == "Z" and _threads(pid) > 1)


def _threads(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def state_of(pid: int) -> str:
    """The kernel's letter for it: T for stopped, Z for a zombie; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _name(pid: int) -> str:
    """Empty when the process ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""
