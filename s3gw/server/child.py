"""One child process, seen from its supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
from msgspec import Struct

from s3gw.server.channel import Channel, Started
from s3gw.server.forking import fork

SUCCESS = "exit code 0"
_MAX_LINE = 1 << 20


class Child(Struct):
    name: str
    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float
    _how: str = ""

    @classmethod
    async def start(
        cls, name: str, work: Callable[[Channel], int], fds: Sequence[int] = ()
    ) -> Child:
        """Start a process that does `work` and ends when this one does; it inherits the sockets
        `fds`, the files, and the standard output and error."""
        ours, theirs = socket.socketpair()

        def work_until_orphaned() -> int:
            channel = Channel(theirs)
            channel.die_with_supervisor()
            return work(channel)

        with theirs:
            pid = fork(name, work_until_orphaned, keep=(*fds, theirs.fileno()))
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_MAX_LINE)
        return cls(name, pid, reader, writer, time.monotonic())

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
        return Started(f"Process {self.name} ended with {await self.ended()} while starting.")

    async def ended(self) -> str:
        """Wait for its end; return the signal or exit code, in words."""
        if not self._how:
            with suppress(ConnectionError):
                await self.reader.read()
            self._reap()
        return self._how

    def _reap(self) -> None:
        # Its end of the channel was closed by its death, so there is nothing to wait for.
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self.writer.close()

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        # After its end the number may be another process'.
        if not self._how:
            os.kill(self.pid, number)
