"""The first administrator, from AIStore's own variables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.server_process import ServerProcess

NAME = {"AIS_AUTHN_SU_NAME": "boss", "AIS_AUTHN_SU_PASS": "a good password"}


def log_in(server: ServerProcess, name: str, password: str) -> int:
    """The status of a login."""
    connection = server.connection()
    try:
        connection.request("POST", f"/v1/users/{name}", json.dumps({"password": password}))
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_first_start_makes_an_administrator(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, environment=NAME) as server:
        assert log_in(server, "boss", "a good password") == 200
        assert log_in(server, "admin", "a good password") == 401
        server.stop()
        server.environment["AIS_AUTHN_SU_PASS"] = "another password"
        server.start()
        assert log_in(server, "boss", "a good password") == 200
        assert log_in(server, "boss", "another password") == 401


@pytest.mark.parametrize("length", ["1", "8"])
def test_its_password_is_as_long_as_all(tmp_path: Path, length: str) -> None:
    short = {"AIS_AUTHN_SU_PASS": "x", "S3GW_AUTH_MIN_PASSWORD_LENGTH": length}
    server = ServerProcess(tmp_path, environment=short)
    if length == "1":
        with server:
            assert log_in(server, "admin", "x") == 200
        return
    server.launch()
    assert server.running.wait(60) != 0
    assert "auth.min_password_length" in server.errors
