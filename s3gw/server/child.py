"""One child process, seen from its supervisor."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from s3gw.server.channel import Started, Task
from s3gw.server.installation import package_root

_MAX_LINE = 1 << 20


@dataclass(slots=True)
class Child:
    task: Task
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float

    @classmethod
    async def start(cls, task: Task, variables: Mapping[str, str], fds: Sequence[int]) -> Child:
        """Start a new program, not a fork; it inherits `fds` and the standard output and error."""
        ours, theirs = socket.socketpair()
        with theirs:
            # `-P`: a folder named `storage` in the current directory is not our package.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "s3gw.server.worker", task.slot),
                stdin=theirs.fileno(),
                pass_fds=fds,
                env={**os.environ, **variables, "PYTHONPATH": _search_path()},
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_MAX_LINE)
        writer.write(msgspec.json.encode(task) + b"\n")
        return cls(task, process, reader, writer, time.monotonic())

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.since

    async def started(self) -> Started:
        """Wait for its answer; a child that died without an answer is a problem too."""
        try:
            line = await self.reader.readline()
        except ConnectionError:
            line = b""
        if line:
            return msgspec.json.decode(line, type=Started)
        return Started(f"Process {self.task.slot} ended with {await self.ended()} while starting.")

    async def ended(self) -> str:
        """Wait for its end; return the signal or exit code, in words."""
        code = await self.process.wait()
        self.writer.close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def terminate(self) -> None:
        with suppress(ProcessLookupError):
            self.process.terminate()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


def _search_path() -> str:
    """Return a search path with the same packages, also when they were found beside the command."""
    others = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(package_root()), *([others] if others else [])])
