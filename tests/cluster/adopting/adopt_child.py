"""An adoption that a test kills at a failpoint: `python -m tests.cluster.adopting.adopt_child
<address> <folder> <data>...`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cluster.adopting.adoption import adopt
from cluster.store import Place
from tests.cluster.adopting.full_store import order

ROOT = Path(__file__).parents[3]


def killed_at(failpoint: str, data: Sequence[Path], place: Place) -> None:
    """Adopt in a process that ends there."""
    arguments = [place.address, str(place.folder), *map(str, data)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster.adopting.adopt_child", *arguments],
        cwd=ROOT,
        env={**os.environ, "S3GW_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def main(address: str, folder: str, *data: str) -> None:
    place = Place(address, Path(folder), "node-1")
    asyncio.run(adopt(order([Path(each) for each in data], place)))


if __name__ == "__main__":
    main(*sys.argv[1:])
