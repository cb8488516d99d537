"""Temporary files that only this process can read, and that are gone with it.

The file has no name in its folder. Its bytes are sealed under a key that exists in memory only,
since they may be those of encrypted objects, and what is not what was written does not open.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from storage.cipher import KEY_BYTES, TAG_BYTES, FrameCipher
from storage.disk_errors import disk_error
from storage.errors import OutOfSpace

_SEALED = 32 << 10
FRAME = _SEALED - TAG_BYTES
# Iterating reads about as much at a time.
_WINDOW = 8 * FRAME
# The room on the disk is looked at whenever so much more was written.
_LOOK_BYTES = 16 << 20


class Room:
    """A folder for temporary files; `has_room` says whether its disk may get fuller."""

    def __init__(self, folder: Path, has_room: Callable[[], bool] = lambda: True) -> None:
        self.folder = folder
        self._has_room = has_room

    def check(self) -> None:
        """Raise `OutOfSpace`."""
        if not self._has_room():
            raise OutOfSpace(f"no room for temporary files in {self.folder}")


class Scratch:
    """Bytes that are appended, and read from anywhere. One thread at a time may append. Raises
    `OutOfSpace`, `DeviceFailed` and `Corrupt`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        room.check()
        try:
            self._descriptor = _unnamed(room.folder)
        except OSError as error:
            raise disk_error(error) from error
        self._cipher = FrameCipher(os.urandom(KEY_BYTES), "a temporary file")
        self._frames = 0
        self._looked = 0
        self._tail = bytearray()

    @property
    def size(self) -> int:
        return self._frames * FRAME + len(self._tail)

    def append(self, piece: bytes) -> int:
        """Return the offset of its first byte."""
        begin, view, at = self.size, memoryview(piece), 0
        sealed: list[bytes] = []
        if self._tail:
            at = min(FRAME - len(self._tail), len(view))
            self._tail += view[:at]
            if len(self._tail) == FRAME:
                sealed.append(self._sealed(bytes(self._tail)))
                self._tail.clear()
        while len(view) - at >= FRAME:
            sealed.append(self._sealed(view[at : at + FRAME]))
            at += FRAME
        self._tail += view[at:]
        if sealed:
            self._write(b"".join(sealed), self._frames - len(sealed))
        return begin

    def read(self, offset: int, size: int) -> bytes:
        """Return those bytes, which must be there."""
        if not size:
            return b""
        first, last = offset // FRAME, -(-(offset + size) // FRAME)
        stop = min(last, self._frames)
        sealed = memoryview(self._pread(first, stop) if first < stop else b"")
        opened = [
            self._cipher.open(sealed[at : at + _SEALED], number, last=False)
            for number, at in enumerate(range(0, len(sealed), _SEALED), first)
        ]
        if last > self._frames:
            opened.append(bytes(self._tail))
        begin, end = offset - first * FRAME, offset + size - (last - 1) * FRAME
        if len(opened) == 1:
            return opened[0][begin : begin + size]
        found: list[bytes | memoryview] = [*opened]
        found[-1] = memoryview(opened[-1])[:end]
        found[0] = memoryview(opened[0])[begin:]
        return b"".join(found)

    def windows(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield those bytes in pieces."""
        while start < stop:
            end = min(stop, start // FRAME * FRAME + _WINDOW)
            yield self.read(start, end - start)
            start = end

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _sealed(self, frame: bytes | memoryview) -> bytes:
        self._frames += 1
        return self._cipher.seal(frame, self._frames - 1, last=False)

    def _write(self, sealed: bytes, first: int) -> None:
        if self._frames * _SEALED - self._looked > _LOOK_BYTES:
            self._room.check()
            self._looked = self._frames * _SEALED
        view, at = memoryview(sealed), first * _SEALED
        try:
            while view:
                written = os.pwrite(self._descriptor, view, at)
                view, at = view[written:], at + written
        except OSError as error:
            raise disk_error(error) from error

    def _pread(self, first: int, stop: int) -> bytes:
        try:
            return os.pread(self._descriptor, (stop - first) * _SEALED, first * _SEALED)
        except OSError as error:
            raise disk_error(error) from error


def _unnamed(folder: Path) -> int:
    """Return the descriptor of a new file without a name."""
    descriptor, name = tempfile.mkstemp(prefix="dsort-", dir=folder)
    os.unlink(name)
    return descriptor
