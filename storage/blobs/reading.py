"""Bytes from blobs, verified and decrypted block by block.

A `Source` is read by one thread at a time; it opens the blobs one after another as it reaches them.
The event loop is one of these threads, for what needs no disk (`page_cache`).
An open file outlives its name, so an object of one blob needs no lock. One of many parts does: the
reader locks the sidecar, and the garbage collector skips an entry whose first blob is locked.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future

from storage.blobs.blob import BLOCK, FRAME, HASH_BYTES, block_hash, hashes_length, root_hash
from storage.blobs.block_cache import UNIT, hash_of
from storage.blobs.folder import BlobFolder
from storage.blobs.page_cache import WAITING, CachedFiles, Files, NotCached
from storage.cipher import FrameCipher
from storage.disk_errors import disk_error
from storage.errors import Corrupt
from storage.index.rows import Chunk, Manifest
from storage.pacing import Pace
from storage.ranges import Between
from storage.secret_fields import WithSecretFields
from storage.values import Stream

# How many blocks are read in one step, where that costs less than two.
AT_ONCE = 2


class Vanished(Exception):
    """The blob is gone: the row was changed since it was read."""


class OpenBlob:
    """An open file that is closed when it is garbage-collected: a stream that was never started
    runs no `finally`."""

    __slots__ = ("_cipher", "_hashes", "chunk", "fd")

    def __init__(
        self, path: str, chunk: Chunk, data_key: bytes | None = None, files: Files = WAITING
    ) -> None:
        self.fd = -1
        self.fd = files.open(path)
        self.chunk = chunk
        self._cipher = None if data_key is None else FrameCipher(data_key, chunk.blob)
        self._hashes: bytes | None = None

    def block(self, number: int) -> bytes:
        """The verified block of that number. Raises `Corrupt`."""
        return self.blocks(number, 1)

    def blocks(self, first: int, count: int, files: Files = WAITING) -> bytes:
        """So many verified blocks in one piece; of an encrypted blob one. Raises `Corrupt`."""
        start = first * BLOCK
        length = min(count * BLOCK, self.chunk.size - start)
        found = files.read(self.fd, length, start)
        if len(found) != length:
            raise self._is_other(first)
        if length <= BLOCK:
            if block_hash(found) != self._expected(first, files):
                raise self._is_other(first)
        else:
            whole = memoryview(found)
            for number in range(first, first + count):
                offset = (number - first) * BLOCK
                if block_hash(whole[offset : offset + BLOCK]) != self._expected(number, files):
                    raise self._is_other(number)
        if self._cipher is None:
            return found
        return self._cipher.open(found, first, last=start + length == self.chunk.size)

    def _is_other(self, number: int) -> Corrupt:
        return Corrupt(f"blob {self.chunk.blob}: block {number} is not what was stored")

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    __del__ = close

    def _expected(self, number: int, files: Files) -> bytes:
        if self.chunk.size <= BLOCK:
            return self.chunk.root
        if self._hashes is None:
            self._hashes = self._read_hashes(files)
        return self._hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES]

    def _read_hashes(self, files: Files) -> bytes:
        length = hashes_length(self.chunk.size)
        hashes = files.read(self.fd, length, self.chunk.size)
        if len(hashes) != length or root_hash(hashes) != self.chunk.root:
            raise Corrupt(f"blob {self.chunk.blob}: the block hashes are not what was stored")
        return hashes


Segment = tuple[Chunk, Between]


class BlobRange(WithSecretFields, frozen=True):
    """Bytes of one object that are in blobs, in the object's order. `sidecar` is the blob that
    their reader locks, empty for an object of one blob; `data_key` decrypts them."""

    secret_fields = frozenset({"data_key"})

    segments: Sequence[Segment]
    sidecar: str = ""
    data_key: bytes | None = None


class Source:
    """The bytes of a `BlobRange`, a step at a time. Nothing refers back to it, so that its files
    are closed the moment it is forgotten."""

    def __init__(self, folder: BlobFolder, wanted: BlobRange, files: Files = WAITING) -> None:
        self._folder = folder
        self._data_key = wanted.data_key
        sidecar = wanted.sidecar
        self._lock = _lock_sidecar(folder.blob(sidecar), files) if sidecar else None
        self._blob: OpenBlob | None = None
        self._steps = _steps(wanted, 1 if wanted.data_key else AT_ONCE)
        self._step = next(self._steps, None)

    def read(self, files: Files = WAITING) -> bytes:
        """The next bytes, at most `AT_ONCE` blocks; empty at the end. Raises `Corrupt`, `Vanished`,
        and `NotCached` for `files` that do: the next call reads the same."""
        try:
            return self._read(files)
        except OSError as error:
            raise disk_error(error) from error

    def close(self) -> None:
        for blob in (self._blob, self._lock):
            if blob is not None:
                blob.close()

    def _read(self, files: Files) -> bytes:
        if self._step is None:
            return b""
        chunk, first, count, span = self._step
        if self._blob is None or self._blob.chunk is not chunk:
            if self._blob is not None:
                self._blob.close()
                self._blob = None
            self._blob = self._open(chunk, files)
        blocks = self._blob.blocks(first, count, files)
        self._step = next(self._steps, None)
        return blocks if len(span) == len(blocks) else blocks[span.start : span.stop]

    def _open(self, chunk: Chunk, files: Files) -> OpenBlob:
        try:
            return OpenBlob(self._folder.blob(chunk.blob), chunk, self._data_key, files)
        except FileNotFoundError as error:
            if self._lock is None:
                raise Vanished from error
            raise Corrupt(f"blob {chunk.blob} of a part is missing") from error


def read_whole(folder: BlobFolder, wanted: BlobRange, files: Files) -> bytes:
    """Return a body of one step. Raises as `Source` does."""
    source = Source(folder, wanted, files)
    try:
        return source.read(files)
    finally:
        source.close()


def open_source(folder: BlobFolder, wanted: BlobRange, files: Files) -> tuple[Source, bytes]:
    """Return a body of many steps, and its first one. Raises as `Source` does."""
    source = Source(folder, wanted, files)
    try:
        return source, source.read(files)
    except BaseException:
        source.close()
        raise


def read_units(
    folder: BlobFolder, chunk: Chunk, span: Between, hashes: bytes, files: Files
) -> bytes:
    """Return a part of one block, of which `hashes` are those of the units. Raises `Corrupt`,
    `Vanished`, `NotCached`."""
    block = span.start // BLOCK * BLOCK
    first, end = (span.start - block) // UNIT, -(-(span.stop - block) // UNIT)
    start = block + first * UNIT
    length = min(block + end * UNIT, chunk.size) - start
    try:
        blob = OpenBlob(folder.blob(chunk.blob), chunk, files=files)
    except FileNotFoundError as error:
        raise Vanished from error
    try:
        found = files.read(blob.fd, length, start)
    finally:
        blob.close()
    view = memoryview(found)
    for unit in range(first, end):
        at = (unit - first) * UNIT
        if block_hash(view[at : at + UNIT]) != hash_of(hashes, unit):
            raise Corrupt(f"blob {chunk.blob}: block {block // BLOCK} is not what it was")
    return found[span.start - start : span.stop - start]


class BlockReader:
    """Reads whole bodies, one after another in one thread, and remembers the block that it read
    last: the next body may be in it too. Close it in the end."""

    def __init__(self, folder: BlobFolder) -> None:
        self._folder = folder
        self._locks: dict[str, OpenBlob] = {}
        self._blob: OpenBlob | None = None
        self._read = ("", -1)
        self._block = b""

    def read(self, wanted: BlobRange) -> bytes:
        """Raises `Corrupt`, `Vanished`."""
        sidecar = wanted.sidecar
        pieces = []
        try:
            if sidecar and sidecar not in self._locks:
                self._locks[sidecar] = _lock_sidecar(self._folder.blob(sidecar))
            for chunk, number, _, span in _steps(wanted, 1):
                if (chunk.blob, number) != self._read:
                    self._block = self._open(chunk, wanted).block(number)
                    self._read = chunk.blob, number
                pieces.append(self._block[span.start : span.stop])
        except OSError as error:
            raise disk_error(error) from error
        return b"".join(pieces)

    def close(self) -> None:
        for blob in (self._blob, *self._locks.values()):
            if blob is not None:
                blob.close()

    def _open(self, chunk: Chunk, wanted: BlobRange) -> OpenBlob:
        if self._blob is not None:
            if self._blob.chunk.blob == chunk.blob:
                return self._blob
            self._blob.close()
        try:
            self._blob = OpenBlob(self._folder.blob(chunk.blob), chunk, wanted.data_key)
        except FileNotFoundError as error:
            self._blob = None
            if not wanted.sidecar:
                raise Vanished from error
            raise Corrupt(f"blob {chunk.blob} of a part is missing") from error
        return self._blob


def _steps(wanted: BlobRange, at_once: int) -> Iterator[tuple[Chunk, int, int, Between]]:
    """Yield the blob, the number of a block in it, how many blocks from there on, and which bytes
    of them."""
    size = BLOCK if wanted.data_key is None else FRAME
    for chunk, span in wanted.segments:
        end = -(-span.stop // size)
        for first in range(span.start // size, end, at_once):
            count, offset = min(at_once, end - first), first * size
            start, stop = max(0, span.start - offset), min(count * size, span.stop - offset)
            yield chunk, first, count, Between(start, stop)


_NOTHING = Chunk("", 0, b"")


def _lock_sidecar(path: str, files: Files = WAITING) -> OpenBlob:
    """Raises `Vanished` when the garbage collector has it, or had it before we locked."""
    try:
        blob = OpenBlob(path, _NOTHING, files=files)
        fcntl.flock(blob.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if os.stat(path).st_ino != os.fstat(blob.fd).st_ino:
            raise Vanished
    except (FileNotFoundError, BlockingIOError) as error:
        raise Vanished from error
    return blob


def segments_of(manifest: Manifest, span: Between) -> list[Segment]:
    """The segments of the parts that make up a span of the object."""
    segments: list[Segment] = []
    offset = 0
    for part in manifest.parts:
        start, stop = max(span.start - offset, 0), min(span.stop - offset, part.info.size)
        if part.chunk and start < stop:
            segments.append((part.chunk, Between(start, stop)))
        offset += part.info.size
    return segments


async def stream(threads: Executor, source: Source, first: bytes, cached: CachedFiles) -> Stream:
    """Yield the first bytes, which are at hand, and those after them.

    The loop reads on for as long as nothing needs the disk. From then on each step is read in a
    thread while the one before it is on its way.
    """
    block, ahead, is_cached, pace = first, None, True, Pace()
    try:
        while block:
            if not is_cached:
                ahead = threads.submit(source.read)
            yield block
            # A consumer may wait for nothing, as one that copies into memory does.
            await pace.step()
            if is_cached:
                try:
                    block = source.read(cached)
                    continue
                except NotCached:
                    is_cached, ahead = False, threads.submit(source.read)
            if ahead is not None:
                block = await asyncio.wrap_future(ahead)
    finally:
        _close_after(source, ahead)


def _close_after(source: Source, ahead: Future[bytes] | None) -> None:
    """A thread may still be reading: its file descriptor must not be closed under it."""
    if ahead is None:
        source.close()
    else:
        ahead.add_done_callback(lambda _: source.close())
