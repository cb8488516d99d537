"""A cloud that answers late, and our server in front of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from compat.bench.prepare import KIB, MIB
from compat.bench.stream import Connection
from compat.bench.subjects import Can, Gateway
from compat.server import HOST, free_port

CLOUD_BUCKET = "train"
DELAY_MS, RATE_MB = 50.0, 100.0
# Objects of each of these sizes.
SIZES = (4 * KIB, MIB, 256 * MIB, 1024 * MIB)
COUNT = 2_000
_READY_S = 10.0


class SlowCloud:
    """The cloud, a process of `slow_s3`. It has a first byte too, to compare ours with."""

    name = "the cloud itself"
    can = Can.COLD_BYTE

    def __init__(self) -> None:
        self._port = free_port()
        self.host = f"{HOST}:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables by which a server finds it."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.host}",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench-secret",
            "AWS_REGION": "us-east-1",
        }

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def target(self, method: str, path: str, query: Mapping[str, str] | None = None) -> str:
        return path

    def token(self) -> str:
        return ""

    def __enter__(self) -> SlowCloud:
        command = [sys.executable, "-m", "compat.bench.slow_s3", "--port", str(self._port)]
        command += ["--delay-ms", str(DELAY_MS), "--rate-mb", str(RATE_MB)]
        objects = [word for size in SIZES for word in ("--objects", f"{COUNT}x{size}")]
        self._process = subprocess.Popen([*command, "--bucket", CLOUD_BUCKET, *objects])
        self._wait_until_ready(time.monotonic() + _READY_S)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _wait_until_ready(self, deadline: float) -> None:
        while True:
            try:
                Connection(self.host).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


class CloudGateway(Gateway):
    """Our server in front of that cloud."""

    can = Can.CLOUD | Can.COLD_BYTE

    def __init__(self, folder: Path, http_server: str, workers: int, cloud: SlowCloud) -> None:
        more = ["--backend", "aws"]
        super().__init__(folder, http_server, workers, more, environment=cloud.environment)
        self._token = ""

    def token(self) -> str:
        self._token = self._token or super().token()
        return self._token
