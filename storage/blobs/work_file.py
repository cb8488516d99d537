"""Blobs that are being written.

A blob is written as `work/<slot>/<id>` and then linked to `blobs/ab/<id>`; the work file is removed
after the index transaction. So after a crash the files in `work` name exactly the blobs in doubt.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from storage import failpoints
from storage.blobs.blob import block_hash, footer_of, root_hash
from storage.blobs.folder import BlobFolder, sync_folder
from storage.blobs.labels import Label
from storage.blobs.writeback import INTERVAL, begin_writeback
from storage.index.rows import Chunk, encode


class WorkFile:
    """A blob on its way to its place. The lock makes a discard wait for a write that still runs
    in another thread when its caller was cancelled."""

    def __init__(self, folder: BlobFolder, slot: str, *, sync: bool = True) -> None:
        self.id = os.urandom(16).hex()
        self._sync = sync
        self._work = f"{folder.work}/{slot}/{self.id}"
        self._blob = folder.blob(self.id)
        self._lock = threading.Lock()
        self._fd: int | None = None
        self._gone = False
        self._size = 0
        self._hashes = bytearray()

    def write(self, block: bytes) -> None:
        """Append one block; every block but the last has `BLOCK` bytes."""
        with self._lock:
            if self._gone:
                return
            _write_all(self._open(), block)
            self._size += len(block)
            if self._size % INTERVAL == 0:
                begin_writeback(self._open(), self._size - INTERVAL, INTERVAL)
            self._hashes += block_hash(block)
        failpoints.hit("after_work_write")

    def chunk(self) -> Chunk:
        return Chunk(self.id, self._size, root_hash(bytes(self._hashes)))

    def finish(self, label: Label) -> None:
        """Make the blob durable, if it is to be, and put it in its place; nothing refers to it
        yet."""
        with self._lock:
            if self._gone:
                return
            fd = self._open()
            _write_all(fd, footer_of(self._size, bytes(self._hashes), encode(label)))
            if self._sync:
                os.fsync(fd)
            failpoints.hit("after_work_fsync")
            os.close(fd)
            self._fd = None
            self._link()

    def keep(self) -> None:
        """The index refers to the blob now."""
        os.unlink(self._work)
        failpoints.hit("after_work_unlink")

    def discard(self) -> None:
        """Remove all of it, the work file last: while it is there, recovery knows the blob."""
        with self._lock:
            self._gone = True
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None
            for path in (self._blob, self._work):
                with suppress(FileNotFoundError):
                    os.unlink(path)

    def _open(self) -> int:
        if self._fd is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._fd = os.open(self._work, flags, 0o600)
        return self._fd

    def _link(self) -> None:
        folder = os.path.dirname(self._blob)
        try:
            os.link(self._work, self._blob)
        except FileNotFoundError:
            _make_folder(folder)
            os.link(self._work, self._blob)
        failpoints.hit("after_link")
        if self._sync:
            sync_folder(folder)
        failpoints.hit("after_folder_fsync")


class WorkFiles:
    """Several blobs that are kept or discarded together."""

    def __init__(self) -> None:
        self._files: list[WorkFile] = []

    def add(self, file: WorkFile) -> None:
        self._files.append(file)

    def keep(self) -> None:
        for file in self._files:
            file.keep()

    def discard(self) -> None:
        for file in self._files:
            file.discard()


def _make_folder(folder: str) -> None:
    """Recreate a folder that was made with all others and lost."""
    os.makedirs(folder, exist_ok=True)
    sync_folder(os.path.dirname(folder))


def _write_all(fd: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(fd, view) :]
