"""PgBouncer in transaction mode, before a server of the tests."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.postgres import HOST, USER, PostgresServer, free_port, owner, server_folder

# Fewer than the connections of a store: they have to share.
_CONNECTIONS = 3
_STOP_S = 30
# The first one that keeps prepared statements.
_KEEPING = (1, 21)
_SETTINGS = """
[databases]
* = host={host} port={server}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 100
server_fast_close = 1
"""


def program() -> str:
    """Return the program; skip the test where there is none."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if found is None:
        pytest.skip("PgBouncer is not installed: make test-deps")
    return found


def version() -> tuple[int, int]:
    said = subprocess.run((program(), "--version"), capture_output=True, text=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert found is not None, said
    return int(found[1]), int(found[2])


class PgBouncer:
    """A pooler that runs."""

    def __init__(self, port: int) -> None:
        self.port = port

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}"


@contextmanager
def pgbouncer(server: PostgresServer, *, keeps_statements: bool = False) -> Iterator[PgBouncer]:
    """One that keeps prepared statements, or loses them. The test is skipped where it cannot."""
    path, found = program(), version()
    if keeps_statements and found < _KEEPING:
        pytest.skip(f"PgBouncer {found[0]}.{found[1]} keeps no prepared statements: 1.21 does")
    with server_folder("pgbouncer") as folder:
        port = free_port()
        text = _SETTINGS.format(
            host=HOST, server=server.port, port=port, folder=folder, connections=_CONNECTIONS
        )
        if found >= _KEEPING:
            text += f"max_prepared_statements = {100 if keeps_statements else 0}\n"
        (folder / "settings").write_text(text)
        (folder / "users").write_text(f'"{USER}" ""\n')
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [path, str(folder / "settings")],
                cwd=folder, stdout=log, stderr=log, user=owner(), group=owner(),
            )  # fmt: skip
        try:
            server.await_ready(port)
            yield PgBouncer(port)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_S)
