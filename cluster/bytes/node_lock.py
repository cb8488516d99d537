"""Lock of a node's name, in the shared folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from storage.startup_errors import MountpathError

FOLDER = "nodes"


class NodeLock:
    """The lock, taken; children inherit it. Raises `MountpathError` where another server has it."""

    def __init__(self, shared: Path, node: str) -> None:
        folder = shared / FOLDER
        folder.mkdir(exist_ok=True, mode=0o700)
        self._fd = os.open(folder / node, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise MountpathError(
                f"another server is the node {node} of this cluster: stop it, or give this one its "
                "own name with --cluster-node"
            ) from error
        os.set_inheritable(self._fd, True)

    def close(self) -> None:
        os.close(self._fd)
