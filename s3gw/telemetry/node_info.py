"""A process's facts about its server, for answers about the server's state."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from s3gw.config.schema import Native
from s3gw.telemetry.host_stats import Meter


def _nothing_counted() -> Mapping[str, int]:
    return {}


class NodeInfo(Struct, frozen=True):
    """`folders` hold the data, `log_folder` the kept log, if there is one; the server was started
    at `started_ns`. `features` are AIStore's flags; `counters` are AIStore's too, of all processes:
    it reads files."""

    folders: tuple[Path, ...] = ()
    log_folder: Path | None = None
    version: str = Native().version
    host: str = ""
    port: int = 0
    certificate: Path | None = None
    features: int = 0
    started_ns: int = field(default_factory=time.time_ns)
    counters: Callable[[], Mapping[str, int]] = _nothing_counted
    meter: Meter = field(default_factory=Meter)

    @property
    def uptime_ns(self) -> int:
        return max(time.time_ns() - self.started_ns, 1)


def shared_folder(variable: str) -> Path | None:
    """Return the folder shared by the processes of this run; None outside a run."""
    folder = os.environ.get(variable)
    return Path(folder) if folder else None
