"""PostgreSQL servers for tests: a primary, and synchronous standbys of it.

The server refuses to run as root; then it runs as `postgres`, the user that Debian's package made.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

HOST = "127.0.0.1"
USER = "postgres"
STANDBY = "standby"
_START_S = 30
_PROGRAMS = ("postgres", "initdb", "pg_basebackup", "pg_isready", "psql")
# Speed matters here and durability does not, except where a test says so.
_FAST = ("fsync=off", "full_page_writes=off")
_SETTINGS = (
    "max_connections=60",
    "shared_buffers=32MB",
    "unix_socket_directories=",
    f"listen_addresses={HOST}",
    "wal_level=replica",
    "log_min_messages=warning",
)


def programs() -> Path:
    """Return the folder of the server's programs; skip the test where there are none."""
    found = shutil.which("postgres")
    here = [Path(found).resolve().parent] if found is not None else []
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in [*here, *packaged]:
        if all((folder / name).exists() for name in _PROGRAMS):
            return folder
    pytest.skip("PostgreSQL is not installed: make test-deps")


class PostgresServer:
    """One server on its own folder and port."""

    def __init__(self, folder: Path, *, settings: Sequence[str] = _FAST) -> None:
        self.folder = folder
        self.port = free_port()
        self._programs = programs()
        self._settings = (*_SETTINGS, *settings)
        self._process: subprocess.Popen[bytes] | None = None

    def address(self, database: str = "postgres", user: str = USER) -> str:
        return f"postgresql://{user}@{HOST}:{self.port}/{database}"

    def create(self) -> None:
        """Make an empty cluster of databases."""
        self._call(
            "initdb", "--pgdata", str(self.folder / "data"), "--username", USER,
            "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip

    def follow(self, primary: PostgresServer, name: str) -> None:
        """Make this a standby of a running primary, under that name."""
        place = f"host={HOST} port={primary.port} user={USER} application_name={name}"
        self._call(
            "pg_basebackup", "--pgdata", str(self.folder / "data"), "--dbname", place,
            "--write-recovery-conf", "--checkpoint", "fast", "--no-sync",
        )  # fmt: skip

    def start(self) -> None:
        options = [part for each in self._settings for part in ("-c", each)]
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [*command, "-p", str(self.port), *options],
                cwd=self.folder, stdout=log, stderr=log, user=owner(), group=owner(),
            )  # fmt: skip
        self.await_ready(self.port)

    def await_ready(self, port: int) -> None:
        """Wait until that port takes connections: the server's own, or one of a pooler."""
        self._call("pg_isready", "--host", HOST, "--port", str(port), patience_s=_START_S)

    def run(self, sql: str, database: str = "postgres", user: str = USER) -> str:
        """Run statements; return the rows as text."""
        return self._call(
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
            "--set", "ON_ERROR_STOP=1", "--dbname", self.address(database, user), "--command", sql,
        )  # fmt: skip

    def admit(self, *lines: str) -> None:
        """Put lines before the rules of who may connect (pg_hba.conf), which let everybody in."""
        path = self.folder / "data" / "pg_hba.conf"
        path.write_text("\n".join([*lines, path.read_text()]))
        self.reload()

    def reload(self) -> None:
        """Let it read its settings and files again; connections that begin later see them."""
        loaded = self.run("SELECT pg_conf_load_time()")
        self.run("SELECT pg_reload_conf()")
        while self.run("SELECT pg_conf_load_time()") == loaded:
            _pause()

    def promote(self) -> None:
        self.run("SELECT pg_promote(true, 30)")

    def processor_s(self) -> float:
        """Return the processor time of the processes that run now, in seconds."""
        ticks = 0
        for pid in self._processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the server."""
        for pid in self._processes():
            os.kill(pid, number)

    def _processes(self) -> list[int]:
        main = self._running().pid
        command = ["pgrep", "-P", str(main)]
        children = subprocess.run(command, capture_output=True, text=True).stdout.split()
        return [main, *map(int, children)]

    def kill(self) -> None:
        """End it as a loss of power does."""
        self.send(signal.SIGKILL)
        self._running().wait(_START_S)
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_START_S)
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def _call(self, program: str, *arguments: str, patience_s: float = 0) -> str:
        command = [str(self._programs / program), *arguments]
        tries = max(1, int(patience_s * 10))
        for left in reversed(range(tries)):
            done = subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True,
                env={**os.environ, "PGCONNECT_TIMEOUT": "5"}, user=owner(), group=owner(),
            )  # fmt: skip
            if done.returncode == 0:
                return done.stdout.strip()
            if left:
                _pause()
        raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")


def owner() -> str | None:
    """Return the user that servers run as, if that is another one."""
    return USER if os.geteuid() == 0 else None


def _pause() -> None:
    """A server has no other way to say that it is ready than to be asked again."""
    with socket.socket() as nobody:
        nobody.settimeout(0.1)
        nobody.bind((HOST, 0))
        nobody.listen()
        try:
            nobody.accept()
        except TimeoutError:
            return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server_folder(name: str) -> Iterator[Path]:
    """A folder that the server's user may write to."""
    folder = Path(tempfile.mkdtemp(prefix=f"s3gw-{name}-"))
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(*settings: str) -> Iterator[PostgresServer]:
    """One running server; the settings are `name=value`."""
    programs()
    with server_folder("postgres") as folder:
        server = PostgresServer(folder, settings=(*_FAST, *settings))
        server.create()
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def replicated_pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A running primary whose commits wait for its standby, and the standby."""
    programs()
    with server_folder("primary") as one, server_folder("standby") as other:
        primary = PostgresServer(one, settings=("full_page_writes=off",))
        standby = PostgresServer(other, settings=("hot_standby=on",))
        primary.create()
        try:
            primary.start()
            standby.follow(primary, STANDBY)
            standby.start()
            primary.run(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
            primary.reload()
            yield primary, standby
        finally:
            standby.stop()
            primary.stop()
