"""Files with secrets: readable by their owner alone, written whole."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Readable(Exception):
    """A file that others than its owner can read."""


def read_private(file: Path) -> bytes:
    """Return the content. Raise `Readable` and `OSError`."""
    with file.open("rb") as opened:
        if os.fstat(opened.fileno()).st_mode & _OTHERS:
            raise Readable(file)
        return opened.read()


def write_durably(file: Path, content: bytes) -> None:
    """Write the content whole or not at all, also when the power fails. A file that is replaced
    keeps its owner, as an administrator may write what the server's user must read, and a link to
    it stays."""
    file = Path(os.path.realpath(file))
    aside = file.with_name(file.name + ".new")
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        with suppress(OSError):
            there = file.stat()
            os.fchown(opened.fileno(), there.st_uid, there.st_gid)
        opened.write(content + b"\n")
        opened.flush()
        os.fsync(opened.fileno())
    aside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
