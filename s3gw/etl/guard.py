"""Guard of a transformer: the process between the server and the program.

The server writes one line of JSON to its stdin, and holds the pipe. At the end of the pipe, also
when the server was killed, the guard ends the program and all that it has started; and
when the program ends, so do its leftovers. The program's output is written to a log of bounded
size. Only the standard library is imported: the guard takes few milliseconds and little memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

GRACE_S = 2.0
NOT_FOUND = 127
_PIECE = 64 << 10
_PDEATHSIG, _CHILD_SUBREAPER = 1, 36


def main() -> int:
    orders = json.loads(sys.stdin.readline())
    log = Log(Path(orders["log"]), orders["log_size"])
    _prctl(_CHILD_SUBREAPER, 1)
    ended = _wake_on_child()
    try:
        program = _start(orders)
    except (OSError, subprocess.SubprocessError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        log.write(f"{orders['command'][0]} cannot be run: {reason}\n".encode())
        return NOT_FOUND
    assert program.stdout is not None
    try:
        _watch(program, log, ended)
    finally:
        _end(program)
        # What it said last.
        os.set_blocking(program.stdout.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(program.stdout.fileno(), _PIECE):
                log.write(piece)
    code = program.returncode
    return code if code >= 0 else 128 - code


class Log:
    """A file that is begun again when it is too long; the one before is kept beside it."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._most = path, size
        self._open()

    def write(self, piece: bytes) -> None:
        if self._size and self._size + len(piece) > self._most:
            os.close(self._file)
            self._path.replace(self._path.with_suffix(".old"))
            self._open()
        piece = piece[-self._most :]
        with contextlib.suppress(OSError):
            self._size += os.write(self._file, piece)

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._file).st_size


def _start(orders: dict[str, Any]) -> subprocess.Popen[bytes]:
    memory = orders["memory"]

    def limit() -> None:
        _prctl(_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))

    user: dict[str, Any] = {}
    if orders["user"]:
        user = {"user": orders["user"], "group": orders["group"], "extra_groups": ()}
    return subprocess.Popen(
        orders["command"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=orders["folder"],
        env=orders["env"],
        start_new_session=True,
        preexec_fn=limit,
        **user,
    )


def _watch(program: subprocess.Popen[bytes], log: Log, ended: int) -> None:
    """Copy the output until the program ends, or the server's pipe does."""
    assert program.stdout is not None
    output, pipe = program.stdout.fileno(), sys.stdin.fileno()
    waiting = [output, pipe, ended]
    while program.poll() is None:
        ready, _, _ = select.select(waiting, [], [])
        if ended in ready:
            os.read(ended, _PIECE)
        if output in ready:
            if piece := os.read(output, _PIECE):
                log.write(piece)
            else:
                waiting.remove(output)
        if pipe in ready:
            return


def _end(program: subprocess.Popen[bytes]) -> None:
    """Ask the program to end, then kill it and all that is left of it."""
    if program.poll() is None:
        _signal_group(program.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(GRACE_S)
    _signal_group(program.pid, signal.SIGKILL)
    program.wait()
    while left := _children():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _children() -> list[int]:
    """Return the processes that have this one as their parent by now."""
    try:
        return [int(each) for each in Path("/proc/thread-self/children").read_text().split()]
    except OSError:
        return []


def _wake_on_child() -> int:
    """Return a descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main())
