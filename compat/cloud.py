"""moto, as the cloud that the server is in front of."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from compat.server import HOST, POLL_S, READY_TIMEOUT_S, ServerFailed

_RUNNING = re.compile(rf"Running on (http://{re.escape(HOST)}:\d+)")


class Moto:
    """`with Moto(folder) as cloud:` answers at `cloud.endpoint`; `cloud.log` has its requests."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = ""
        self.log = folder / "moto.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What a server needs to be in front of it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "cloud",
            "AWS_SECRET_ACCESS_KEY": "cloud-secret",
        }

    def __enter__(self) -> Moto:
        self.log.parent.mkdir()
        command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", "0"]
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.log.parent
            )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not (found := _RUNNING.findall(self.log.read_text())):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise ServerFailed(f"moto did not begin: {self.log.read_text()[-2000:]}")
            time.sleep(POLL_S)
        self.endpoint = found[0]
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
