"""One transformer that runs as a process of this machine, with its guard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
from pathlib import Path

from s3gw.config.etl import Etl
from s3gw.etl.message import InitMessage
from s3gw.etl.runtime import HOST, Here, plan_of
from s3gw.etl.scratch import Scratch

_GUARD = Path(__file__).with_name("guard.py")
_SAID_BYTES = 2048


class Process:
    """A transformer that was started; `stop` it, whatever becomes of it."""

    def __init__(self, guard: asyncio.subprocess.Process, port: int, log: Path, work: str) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._guard = guard
        self._log = log
        self._work = work

    @property
    def pid(self) -> int:
        """The guard's: the transformer's processes are below it."""
        return self._guard.pid

    async def ended(self) -> str:
        """Wait until it ends; return how, with what it said last."""
        code = await self._guard.wait()
        how = f"signal {code - 128}" if code > 128 else f"exit status {code}"
        said = await asyncio.to_thread(_tail, self._log)
        return f"it ended with {how}: {said}" if said else f"it ended with {how}"

    async def stop(self) -> None:
        """End it with all that it has started."""
        assert self._guard.stdin is not None, "stdin is a pipe"
        self._guard.stdin.close()
        await self._guard.wait()
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)


async def start(
    message: InitMessage, settings: Etl, scratch: Scratch, url: str, authority: str, log: Path
) -> Process:
    """Start it with a new port and an empty folder. Raise `NotStarted`, and `BadMessage`."""
    owner = scratch.owner
    work = str(scratch.new(f"{message.name}-"))
    try:
        port = _free_port()
        plan = plan_of(message, settings, Here(port, work, url, authority))
        orders = {
            "command": plan.command,
            "env": dict(plan.env),
            "folder": plan.folder,
            "log": str(log),
            "log_size": settings.log_size,
            "memory": settings.memory,
            "user": owner.pw_uid if owner else "",
            "group": owner.pw_gid if owner else "",
        }
        guard = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-S", str(_GUARD)),
            stdin=asyncio.subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    process = Process(guard, port, log, work)
    assert guard.stdin is not None, "stdin is a pipe"
    guard.stdin.write(json.dumps(orders).encode() + b"\n")
    with contextlib.suppress(ConnectionError):
        await guard.stdin.drain()
    return process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _tail(log: Path) -> str:
    """Return the last lines of a log, in one."""
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - _SAID_BYTES, 0))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in lines[-6:] if line.strip())
