"""Recent log: the last lines of all processes of the server.

A request for the log reaches one worker and needs the lines of all. So each process writes its
lines not only to stderr but also, as JSON, into its own file in the folder shared by the processes
of one run. They are the same lines as on stderr: without secrets, signatures or tokens.
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
# The levels of lines for each requested severity: itself and worse ones.
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
    """Writes the lines of one process; lines that cannot be written are only on stderr."""

    def __init__(self, folder: Path, process: str, max_bytes: int = MAX_BYTES) -> None:
        """Open the file. Raises `OSError`."""
        super().__init__()
        self.setFormatter(JsonLines())
        self._file = LogFile(folder / f"{process}{_SUFFIX}", max_bytes)

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record).encode() + b"\n"
        with contextlib.suppress(OSError):
            self._file.write(line)


def keep_log(folder: str, process: str) -> None:
    """Keep the log from now on, for the whole process, if the run has a folder. The first line
    identifies the process."""
    if folder:
        recent = RecentLog(Path(folder), process)
        begins = {"msg": "process began", "name": __name__, "process_id": os.getpid()}
        fields = {"levelno": logging.INFO, "levelname": "INFO", "slot": process}
        recent.emit(logging.makeLogRecord(begins | fields))
        logging.getLogger().addHandler(recent)


def rotate_all(folder: Path) -> None:
    """Rotate the files of all processes."""
    for path in folder.glob(f"*{_SUFFIX}"):
        rotate(path)


def lines_of(folder: Path, severity: str) -> bytes:
    """Return the lines of all processes, ordered by time."""
    kept = [each for path in _files(folder) for each in _lines(path, severity)]
    kept.sort(key=lambda each: each[0])
    return b"".join(line for _, line in kept)


def archive_of(folder: Path, severity: str) -> bytes:
    """Return the lines as a TAR.GZ with a member for each file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in _files(folder):
            body = b"".join(line for _, line in _lines(path, severity))
            member = tarfile.TarInfo(path.name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return packed.getvalue()


def _files(folder: Path) -> list[Path]:
    """Return the files, older ones first, so that lines of the same time keep their order."""
    return [*sorted(folder.glob(f"*{_OLDER}")), *sorted(folder.glob(f"*{_SUFFIX}"))]


def _lines(path: Path, severity: str) -> Iterator[tuple[str, bytes]]:
    """Yield the time of each line, and the line."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return
    for line in text.splitlines(keepends=True):
        try:
            head = msgspec.json.decode(line, type=_Head)
        except msgspec.DecodeError:
            # The end of an incomplete line, still being written.
            continue
        if head.level in _TOLD[severity]:
            yield head.time, line
