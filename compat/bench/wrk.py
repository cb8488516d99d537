"""Small requests at a high rate: wrk with prepared requests."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compat.bench.outcome import LoadFailed, Outcome

_SCRIPT = Path(__file__).with_name("load.lua")
THREADS = 2
_CLOSED_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class WrkLoad:
    """`lines` are `METHOD target`, sent in turn; each carries `body_bytes` random bytes."""

    lines: Sequence[str]
    seconds: float
    connections: int = 16
    body_bytes: int = 0
    answer_bytes: int = 0


def run_wrk(host: str, load: WrkLoad) -> Outcome:
    """`host` is `name:port`. Raises `LoadFailed` when any answer was an error.

    wrk makes a connection again that the server has closed, and loses the request that was on its
    way; such losses are counted, and fail when they are more than one in a hundred requests.
    """
    with tempfile.TemporaryDirectory(prefix="compat-wrk-") as made:
        folder = Path(made)
        (folder / "lines").write_text("\n".join(load.lines) + "\n")
        body = "-"
        if load.body_bytes:
            body = str(folder / "body")
            (folder / "body").write_bytes(os.urandom(load.body_bytes))
        told = _run(host, load, [str(folder / "lines"), body])
    if told["failed"] or not told["requests"]:
        raise LoadFailed(f"{load.lines[0].partition('?')[0]}: {told['failed']} errors")
    if told["closed"] * _CLOSED_AT_MOST > told["requests"]:
        raise LoadFailed(f"the server closed {told['closed']} of {told['requests']} requests")
    size = told["requests"] * (load.body_bytes + load.answer_bytes)
    return Outcome(
        told["requests"], told["seconds"], size, told["p50_ms"], told["p99_ms"], told["closed"]
    )


def _run(host: str, load: WrkLoad, arguments: list[str]) -> dict[str, Any]:
    threads = min(THREADS, load.connections)
    command = [
        "wrk", f"-t{threads}", f"-c{load.connections}", f"-d{load.seconds:.0f}s",
        "--timeout", "30s", "-s", str(_SCRIPT), f"http://{host}", "--", *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or "{" not in done.stdout:
        raise LoadFailed(f"wrk: {done.stderr or done.stdout}")
    told: dict[str, Any] = json.loads(done.stdout[done.stdout.rindex("{") :])
    return told
