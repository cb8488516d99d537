"""Messages between the supervisor and its children.

A child's standard input is a socket to its supervisor. The first line that comes is its task,
secrets included, which therefore stand neither in an argument nor in the environment. One line goes
back: the child is ready, or why it cannot be. The end of the stream means that the other one is
gone.
"""

from __future__ import annotations

import os
import socket
import threading
from enum import Enum

import msgspec

from s3gw.config.schema import Config
from s3gw.identity.root_keys import RootKeys

_MAX_LINE = 1 << 20
_ORPHANED = 3


class Role(Enum):
    SERVE = "serve"
    MAINTENANCE = "maintenance"


class Task(msgspec.Struct, frozen=True):
    """What a child shall do. `slot` names it, and what it leaves behind on the disks; `listen_fd`
    is a socket that is bound and does not listen yet; the server was started at `started_ns`."""

    role: Role
    slot: str
    config: Config
    root_keys: RootKeys
    log_style: str
    access_log_style: str
    listen_fd: int = -1
    started_ns: int = 0


class Started(msgspec.Struct, frozen=True):
    """What a child answers; `problem` is a sentence for the operator, empty when all is well."""

    problem: str = ""


class Channel:
    """The child's end."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    @classmethod
    def inherited(cls) -> Channel:
        """Take over standard input, and leave an empty one in its place."""
        connection = socket.socket(fileno=os.dup(0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        return cls(connection)

    def read_task(self) -> Task:
        with self._socket.makefile("rb") as lines:
            return msgspec.json.decode(lines.readline(_MAX_LINE), type=Task)

    def answer(self, started: Started) -> None:
        self._socket.sendall(msgspec.json.encode(started) + b"\n")

    def die_with_supervisor(self) -> None:
        """Leave at once when the supervisor is gone: whoever starts the next one must find the
        data folders unlocked and the port free. Nothing acknowledged is lost by that."""
        threading.Thread(target=self._wait_for_end, name="lifeline", daemon=True).start()

    def _wait_for_end(self) -> None:
        try:
            while self._socket.recv(1):
                pass
        finally:
            os._exit(_ORPHANED)
