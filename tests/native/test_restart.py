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
    return send(server, method, path, json.dumps(message).encode(), token)[0]


def send(
    server: ServerProcess, method: str, path: str, body: bytes, token: str
) -> tuple[int, str, bytes]:
    """The status, the append handle and the body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {token}"}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Ais-Append-Handle") or "", answer.read()
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


def test_appends_and_uploads_go_on_after_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "server", workers=2) as server:
        token = token_of(server)
        assert ask(server, "POST", "/v1/buckets/b", {"action": "create-bck"}, token) == 200
        begin = json.dumps({"action": "mpt-upload"}).encode()
        _, _, upload = send(server, "POST", "/v1/objects/b/parts", begin, token)
        part = f"/v1/objects/b/parts?uploadId={upload.decode()}&partNumber="
        assert send(server, "PUT", f"{part}1", b"one, ", token)[0] == 200
        append = "/v1/objects/b/k?append_type=append&append_handle="
        handle = send(server, "PUT", append, b"one, ", token)[1]
        server.kill9_all()
        server.start()
        assert send(server, "PUT", f"{part}2", b"two", token)[0] == 200
        complete = {
            "action": "mpt-complete",
            "value": [{"part-number": number, "etag": ""} for number in (1, 2)],
        }
        assert ask(server, "POST", part.rpartition("&")[0], complete, token) == 200
        handle = send(server, "PUT", append + handle, b"two", token)[1]
        flush = f"/v1/objects/b/k?append_type=flush&append_handle={handle}"
        assert send(server, "PUT", flush, b"", token)[0] == 200
        for key in ("parts", "k"):
            assert send(server, "GET", f"/v1/objects/b/{key}", b"", token)[2] == b"one, two"
