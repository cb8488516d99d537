"""The section `[select]`: bounds of S3 Select's queries."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.declaration import setting
from s3gw.config.types import Seconds, Size, Text, Whole


@dataclass(frozen=True, slots=True)
class Select:
    """S3 Select: SQL over one object. Each query has a process of its own, and ends with it."""

    queries: int = setting(
        2,
        "How many queries run at once in each process that answers requests; further ones get 503 "
        "SlowDown. 0 refuses all.",
        Whole(0, 1000),
    )
    memory: int = setting(
        256 << 20,
        "The memory of DuckDB for one query. JSON documents may have an eighth of it each.",
        Size(64 << 20, 1 << 40),
    )
    threads: int = setting(1, "The threads of one query.", Whole(1, 256))
    time_s: float = setting(
        600.0,
        "How long one query may run, including the time that its client takes to read.",
        Seconds(1, 86400),
    )
    spool: int = setting(
        4 << 30,
        "The largest object that can be queried, once it is unpacked. It is copied to "
        "`spool_folder` first, CSV and JSON if they are longer than a quarter of `select.memory`.",
        Size(0, 1 << 50),
    )
    spool_folder: str = setting(
        "",
        "The folder for these copies; nothing for the system's folder for temporary "
        "files. A copy has no name there, and goes with its query.",
        Text("a folder, or nothing", r".*"),
    )
