"""A real server with several workers: tokens from the command line, revoked for good."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.server_process import ServerProcess, clean_environment


def token_of(server: ServerProcess) -> str:
    command = [sys.executable, "-m", "s3gw", "auth", "token", "--data", str(server.data[0])]
    done = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def ask(server: ServerProcess, method: str, path: str, message: Any, token: str) -> int:
    """The status, from whichever worker takes the new connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {token}"}
        connection.request(method, path, json.dumps(message), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def listed(server: ServerProcess, token: str) -> set[int]:
    message = {"action": "list"}
    return {ask(server, "GET", "/v1/buckets", message, token) for _ in range(8)}


def test_a_revoked_token_stays_revoked(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "server", workers=2) as server:
        token, other = token_of(server), token_of(server)
        assert listed(server, token) == {200}
        assert ask(server, "DELETE", "/v1/tokens", {"token": token}, token) == 200
        assert listed(server, token) == {401}
        server.restart()
        assert listed(server, token) == {401}
        assert listed(server, other) == {200}
