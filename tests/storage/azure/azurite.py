"""A real Azurite to be the remote, and containers of its own for each test."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from compat.installed import NotHere
from compat.npm import modules_there
from storage.backends.azure import AzureOptions
from tests.server_process import clean_environment, eventually

ACCOUNT = "testaccount"
_LISTENING = re.compile(r"successfully listens on http://127\.0\.0\.1:(\d+)")


class Azurite(Struct, frozen=True):
    """A blob service in memory; `log` has its requests."""

    endpoint: str
    key: str
    pid: int
    log: Path

    def options(self, **others: Any) -> AzureOptions:
        known = {"account": ACCOUNT, "account_key": self.key, "endpoint": self.endpoint}
        return AzureOptions(**{**known, **others})

    @property
    def environment(self) -> dict[str, str]:
        """What a server needs to find it."""
        return {
            "AZURE_STORAGE_ACCOUNT": ACCOUNT,
            "AZURE_STORAGE_KEY": self.key,
            "AZURE_STORAGE_SERVICE_ENDPOINT": self.endpoint,
        }


@contextmanager
def azurite(folder: Path) -> Iterator[Azurite]:
    """Skip the test where Azurite is not installed."""
    try:
        modules = Path(modules_there("azurite", "azurite").variables["NODE_PATH"])
    except NotHere as reason:
        pytest.skip(str(reason))
    key, log = b64encode(secrets.token_bytes(64)).decode(), folder / "azurite.log"
    command = ["node", str(modules / "azurite/dist/src/blob/main.js")]
    command += ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"]
    command += ["--skipApiVersionCheck", "--disableTelemetry"]
    environment = {**clean_environment(), "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
    if path := os.environ.get("PATH"):
        environment["PATH"] = path
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=environment
        )
    try:
        found = eventually(lambda: _LISTENING.findall(log.read_text()), "azurite ready", 60.0)
        yield Azurite(f"http://127.0.0.1:{found[0]}/{ACCOUNT}", key, process.pid, log)
    finally:
        process.kill()
        process.wait()
