"""Files with secrets: readable by their owner alone, written whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from s3gw.client.replacing import Replacement

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
    keeps its owner: an administrator may do what the server's user must read."""
    replacement = Replacement(file, 0o600)
    with replacement as opened:
        opened.write(content + b"\n")
        replacement.commit(durably=True)
