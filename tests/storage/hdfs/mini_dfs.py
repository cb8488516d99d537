"""A real HDFS in one process, for tests of this folder: MiniDFSCluster, run by Java."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from compat.installed import NotHere
from compat.programs import java_program_there
from storage.backends.hdfs import HdfsOptions
from tests.server_process import clean_environment, eventually

# MiniDFSCluster's library for the web has to see into the platform's classes.
_OPENED = "--add-opens=java.base/java.lang=ALL-UNNAMED"


@dataclass(frozen=True)
class MiniDfs:
    """`namenodes` are the URLs of its namenodes, of which the first is active."""

    namenodes: tuple[str, ...]
    process: subprocess.Popen[str]
    input: IO[str]
    output: Path

    def options(self, **others: Any) -> HdfsOptions:
        known = {"namenodes": self.namenodes, "root": "/", "user": _user(), "pause_s": 0.05}
        return HdfsOptions(**{**known, **others})

    @property
    def environment(self) -> dict[str, str]:
        """What a server needs to find it."""
        return {"AIS_HDFS_URL": ",".join(self.namenodes), "HADOOP_USER_NAME": _user()}

    def command(self, line: str) -> None:
        """Have it done, and wait for that."""
        done = self.output.read_text().count("done\n")
        self.input.write(f"{line}\n")
        self.input.flush()
        eventually(lambda: self.output.read_text().count("done\n") > done, line, 60.0)

    def stop(self) -> None:
        """End it, for the rest of the module."""
        self.input.close()
        self.process.wait()


@contextmanager
def mini_dfs(
    folder: Path, settings: Mapping[str, str] | None = None, namenodes: int = 1
) -> Iterator[MiniDfs]:
    """Skip the test where it is not built, or there is no Java."""
    arguments = [str(folder / "dfs"), str(namenodes)]
    arguments += [f"{name}={value}" for name, value in (settings or {}).items()]
    try:
        program = java_program_there("hdfs", *arguments)
    except NotHere as reason:
        pytest.skip(str(reason))
    java, *command = json.loads(program.variables["COMPAT_PROGRAM"])
    output, log = folder / "mini-dfs.out", folder / "mini-dfs.log"
    environment = clean_environment()
    if path := os.environ.get("PATH"):
        environment["PATH"] = path
    with output.open("w") as out, log.open("w") as err:
        process = subprocess.Popen(
            [java, _OPENED, *command],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            cwd=folder,
            env=environment,
            text=True,
        )
    try:
        assert process.stdin is not None

        def ready() -> list[str]:
            assert process.poll() is None, log.read_text()[-2000:]
            lines = output.read_text().splitlines()
            return next((line.split()[1:] for line in lines if line.startswith("ready ")), [])

        found = eventually(ready, "MiniDFSCluster ready", 120.0)
        yield MiniDfs(tuple(found), process, process.stdin, output)
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _user() -> str:
    """The user of the process is the superuser of its HDFS."""
    return getpass.getuser()
