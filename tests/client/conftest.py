from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from s3gw.client.endpoint import Endpoint
from tests.client.drivers import DRIVERS, Driver
from tests.server_process import ServerProcess, clean_environment


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A real server, and a token that may do everything."""
    with ServerProcess(tmp_path_factory.mktemp("server")) as server:
        command = [sys.executable, "-m", "s3gw", "auth", "token", "--data", str(server.data[0])]
        environment = {**clean_environment(), **server.environment}
        token = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment
        ).stdout.strip()
        yield Endpoint(server.endpoint, token=token)


@pytest.fixture(params=DRIVERS)
def client(request: pytest.FixtureRequest, endpoint: Endpoint) -> Iterator[Driver]:
    """Each driver in turn."""
    with DRIVERS[str(request.param)](endpoint) as driver:
        yield driver
