"""System calls of a running process that fail on purpose, by attaching strace to it.

    with failing(pid, "fsync", "EIO", tmp_path) as fault:
        ...
    assert fault.hits

strace counts calls for each thread by itself: `when=1` fails the first of every thread.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.server_process import eventually

STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class Fault:
    log: Path

    @property
    def hits(self) -> int:
        """How many calls were made to fail so far."""
        return self.log.read_text().count("(INJECTED)")


@cache
def why_not() -> str:
    """Why nothing can be traced here; empty when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    sleeping = subprocess.Popen(["sleep", "60"])
    try:
        tried = subprocess.Popen(
            ["strace", "-p", str(sleeping.pid), "-o", "/dev/null"], stderr=subprocess.DEVNULL
        )
        eventually(lambda: tried.poll() is not None or _is_traced(sleeping.pid), "strace attached")
        is_refused = tried.poll() is not None
        tried.kill()
        tried.wait(STOP_S)
        return "tracing is not permitted" if is_refused else ""
    finally:
        sleeping.kill()
        sleeping.wait(STOP_S)


@contextmanager
def failing(
    pid: int,
    calls: str,
    error: str,
    folder: Path,
    *,
    when: str = "1",
    file: Path | None = None,
    files: Sequence[Path] = (),
) -> Iterator[Fault]:
    """Inside, these calls of the process fail with `error`: only those on `file` or `files`, if
    they are given, and of each thread only those that `when` counts, as strace's manual has it."""
    log = folder / f"strace-{len(list(folder.glob('strace-*')))}"
    only = [part for each in ([file] if file else files) for part in ("-P", str(each))]
    inject = f"inject={calls}:error={error}:when={when}"
    command = ["strace", "-f", "-qq", "-o", str(log), *only, "-e", f"trace={calls}", "-e", inject]
    with subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.DEVNULL) as tracer:
        try:
            eventually(lambda: _is_traced(pid), "strace attached")
            yield Fault(log)
        finally:
            # It lets go of the process and goes; the process runs on.
            tracer.send_signal(signal.SIGINT)
            tracer.wait(STOP_S)


def _is_traced(pid: int) -> bool:
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("\nTracerPid:\t0\n" not in status for status in statuses)
