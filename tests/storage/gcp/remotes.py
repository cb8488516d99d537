"""Servers to be the remote: the one in memory, and fake-gcs-server where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage.backends.gcp import GcpOptions
from tests.server_process import ROOT, clean_environment, eventually

_LISTENS = re.compile(r"(http://127\.0\.0\.1:\d+) listens")


@contextmanager
def cloud_storage(folder: Path) -> Iterator[str]:
    """The endpoint of the server in memory; `cloud.log` in the folder has its requests. It takes
    parts of any size."""
    log = folder / "cloud.log"
    command = [sys.executable, "-m", "tests.storage.gcp.cloud_storage"]
    environment = {**clean_environment(), "SMALL_PARTS": "1"}
    with _running(command, log, ROOT, environment):
        found = eventually(lambda: _LISTENS.findall(log.read_text()), "cloud ready", 60.0)
        yield found[0]


@contextmanager
def fake_gcs_server(folder: Path) -> Iterator[str]:
    """The endpoint of fake-gcs-server; the test is skipped where it is not installed."""
    program = shutil.which("fake-gcs-server")
    if program is None:
        pytest.skip("fake-gcs-server is not here: go install github.com/fsouza/fake-gcs-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = f"127.0.0.1:{port}"
    command = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", where, "-backend", "memory"]
    with _running(command, folder / "fake.log", folder, dict(os.environ)):
        eventually(lambda: _answers(port), "fake-gcs-server ready", 60.0)
        yield f"http://{where}"


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def _running(
    command: list[str], log: Path, folder: Path, environment: dict[str, str]
) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=environment
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def options_for(endpoint: str, **others: Any) -> GcpOptions:
    return GcpOptions(**{"endpoint": endpoint, "project": "p", "anonymous": True, **others})
