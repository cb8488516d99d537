"""Messages between the supervisor and its children.

Each child has a socket to its supervisor. The child answers with one line: that it is ready, or why
it cannot be. The end of the stream means that the other process is gone.
"""

from __future__ import annotations

import os
import socket
import threading
from enum import Enum

import msgspec

from s3gw.config.schema import Config
from s3gw.identity.root_keys import RootKeys

_ORPHANED = 3


class Role(Enum):
    SERVE = "serve"
    MAINTENANCE = "maintenance"


class Task(msgspec.Struct, frozen=True):
    """The work of a child. `slot` names the child, and its leftovers on the disks; `listen_fd` is
    a socket that is bound to `port` and does not listen yet; the server was started at
    `started_ns`, with so many `workers`."""

    role: Role
    slot: str
    config: Config
    root_keys: RootKeys
    log_style: str
    access_log_style: str
    listen_fd: int = -1
    port: int = 0
    started_ns: int = 0
    workers: int = 1


class Started(msgspec.Struct, frozen=True):
    """A child's answer; `problem` is a sentence for the operator, empty when all is well."""

    problem: str = ""


class Channel:
    """The child's end."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def answer(self, started: Started) -> None:
        self._socket.sendall(msgspec.json.encode(started) + b"\n")

    def die_with_supervisor(self) -> None:
        """Exit at once when the supervisor is gone: the next supervisor must find the data folders
        unlocked and the port free. Nothing acknowledged is lost by that."""
        threading.Thread(target=self._wait_for_end, name="lifeline", daemon=True).start()

    def _wait_for_end(self) -> None:
        try:
            while self._socket.recv(1):
                pass
        finally:
            os._exit(_ORPHANED)
