"""What lies in the data folders of a server: files that are left over, and what `s3gw` says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from storage.backends.local import index
from tests.server_process import ServerProcess, clean_environment, eventually

QUICK_HOUSEKEEPING = {"S3GW_STORAGE_HOUSEKEEPING_INTERVAL_S": "0.1"}


def work_files(data: Path) -> list[Path]:
    """Blobs that are being written, or that a crash left."""
    return [path for path in (data / "work").rglob("*") if path.is_file()]


def blob_files(data: Path) -> list[Path]:
    return sorted(path for path in (data / "blobs").rglob("*") if path.is_file())


def garbage(data: Path) -> int:
    """Entries that wait for the garbage collector."""
    with closing(index.connect(data / "index.db")) as connection:
        found: Any = connection.execute("SELECT count(*) FROM garbage").get
        return int(found)


def await_tidy(data: Path) -> None:
    """Work files go just after the answer, garbage when housekeeping comes round."""
    eventually(lambda: not work_files(data), "no work files")
    eventually(lambda: garbage(data) == 0, "garbage collected")


def s3gw(command: str, data: Sequence[Path], *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "s3gw", command, *flags, *map(str, data)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_whole(server: ServerProcess) -> None:
    """Nothing is left over while it runs; stopped, every blob has its row and every row its blob.
    The server is stopped afterwards."""
    for data in server.data:
        await_tidy(data)
    assert server.stop() == 0, server.errors
    report = s3gw("fsck", server.data)
    assert report.returncode == 0, report.stdout + report.stderr
