"""Recent log: the last lines of the program's own log, readable by every process of the server.

A request for the log meets one worker and wants the lines of all. So each process writes its lines
as JSON into a file of its own, in the folder that the processes of one run share, besides to
stderr. They are the lines that stderr gets: no secret, signature or token.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from s3gw.telemetry.line_writer import OLDER, LogFile, rotate
from s3gw.telemetry.logs import JsonLines

MAX_BYTES = 1 << 20
SEVERITIES = ("info", "warning", "error")
# Of each severity, what is told of it: itself and what is worse.
_TOLD = {
    "info": frozenset({"debug", "info", "warning", "error", "critical"}),
    "warning": frozenset({"warning", "error", "critical"}),
    "error": frozenset({"error", "critical"}),
}
_SUFFIX, _OLDER = ".log", f".log{OLDER}"


class _Head(msgspec.Struct):
    time: str = ""
    level: str = ""


class RecentLog(logging.Handler):
    """Writes the lines of one process; what cannot be written is dropped, stderr has it."""

    def __init__(self, folder: Path, process: str, max_bytes: int = MAX_BYTES) -> None:
        """Raises `OSError`."""
        super().__init__()
        self.setFormatter(JsonLines())
        self._file = LogFile(folder / f"{process}{_SUFFIX}", max_bytes)

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record).encode() + b"\n"
        with contextlib.suppress(OSError):
            self._file.write(line)


def keep_log(folder: str, process: str) -> None:
    """From now on, for the whole process; not where the run has no folder. The first line says
    which process it is."""
    if folder:
        recent = RecentLog(Path(folder), process)
        begins = {"msg": "process began", "name": __name__, "process_id": os.getpid()}
        fields = {"levelno": logging.INFO, "levelname": "INFO", "slot": process}
        recent.emit(logging.makeLogRecord(begins | fields))
        logging.getLogger().addHandler(recent)


def rotate_all(folder: Path) -> None:
    """Begin all files anew."""
    for path in folder.glob(f"*{_SUFFIX}"):
        rotate(path)


def lines_of(folder: Path, severity: str) -> bytes:
    """The lines of all processes in the order of their times."""
    kept = [each for path in _files(folder) for each in _lines(path, severity)]
    kept.sort(key=lambda each: each[0])
    return b"".join(line for _, line in kept)


def archive_of(folder: Path, severity: str) -> bytes:
    """The same as a TAR.GZ with a member for each file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in _files(folder):
            body = b"".join(line for _, line in _lines(path, severity))
            member = tarfile.TarInfo(path.name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return packed.getvalue()


def _files(folder: Path) -> list[Path]:
    """The older ones first: lines of the same time stay in the order in which they came."""
    return [*sorted(folder.glob(f"*{_OLDER}")), *sorted(folder.glob(f"*{_SUFFIX}"))]


def _lines(path: Path, severity: str) -> Iterator[tuple[str, bytes]]:
    """The time of each line, and the line."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return
    for line in text.splitlines(keepends=True):
        try:
            head = msgspec.json.decode(line, type=_Head)
        except msgspec.DecodeError:
            # The end of a line that is being written.
            continue
        if head.level in _TOLD[severity]:
            yield head.time, line
