"""Blobs: immutable files with the bytes of objects and parts.

    [data] [xxh3-128 of each 512 KiB block, if there is more than one] [label] [trailer]

The label, in msgpack, says whose bytes these are, so that the index can be rebuilt. It is a footer
and not an extended attribute, because those end at 4 KiB on ext4 and do not exist on tmpfs. The
trailer has the lengths, the xxh3-64 of label and lengths, and a magic number.

A blob is written as `work/<slot>/<id>` and then linked to `blobs/ab/<id>`; the work file is removed
after the index transaction. So after a crash the files in `work` name exactly the blobs in doubt.
"""

from __future__ import annotations

import os
import struct
import threading
from contextlib import suppress
from pathlib import Path

import msgspec
import xxhash
from msgspec import Struct

from storage.backends.local import failpoints
from storage.backends.local.mountpath import Mountpath, sync_folder
from storage.backends.local.rows import Chunk, Label, decode_label, encode
from storage.backends.local.writeback import INTERVAL, begin_writeback
from storage.cipher import TAG_BYTES
from storage.errors import Corrupt, OutOfSpace

BLOCK = 512 * 1024
# So much of an encrypted object fills a block.
FRAME = BLOCK - TAG_BYTES
HASH_BYTES = 16
_LENGTHS = struct.Struct("<QII")
_TRAILER = struct.Struct("<QIIQ8s")
_MAGIC = b"s3gwblb1"


def block_hash(block: bytes | memoryview) -> bytes:
    return xxhash.xxh3_128_digest(block)


def root_hash(hashes: bytes) -> bytes:
    """What the index keeps of a blob: the hash of its only block, or of all block hashes."""
    return hashes if len(hashes) == HASH_BYTES else xxhash.xxh3_128_digest(hashes)


def hashes_length(size: int) -> int:
    """Bytes of the hash table after the data; 0 for a blob of one block."""
    return -(-size // BLOCK) * HASH_BYTES if size > BLOCK else 0


def clear_size(sealed: int) -> int:
    """Bytes of the object in so many encrypted bytes."""
    return sealed - -(-sealed // BLOCK) * TAG_BYTES


def capacity_bytes(path: Path) -> int:
    stat = os.statvfs(path)
    return stat.f_blocks * stat.f_frsize


def used_share(path: Path) -> float:
    """The share of a disk that is used, as `df` counts it."""
    stat = os.statvfs(path)
    used = stat.f_blocks - stat.f_bfree
    return used / max(used + stat.f_bavail, 1)


def require_room(path: Path, needed: int, reserve: int) -> None:
    """Raises `OutOfSpace`. statvfs reads memory, not the disk: it may run on the loop."""
    free = free_bytes(path)
    if free < needed + reserve:
        raise OutOfSpace(f"{path}: {free} bytes free, {needed} needed beside {reserve} in reserve")


def free_bytes(path: Path) -> int:
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize


class WorkFile:
    """A blob on its way to its place. The lock makes a discard wait for a write that still runs
    in another thread when its caller was cancelled."""

    def __init__(self, mountpath: Mountpath, slot: str, *, sync: bool = True) -> None:
        self.id = os.urandom(16).hex()
        self._sync = sync
        self._work = f"{mountpath.work}/{slot}/{self.id}"
        self._blob = mountpath.blob(self.id)
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
            _write_all(fd, _footer(self._size, bytes(self._hashes), encode(label)))
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
    """Recreate a folder that was made with the mountpath and lost."""
    os.makedirs(folder, exist_ok=True)
    sync_folder(os.path.dirname(folder))


def _write_all(fd: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(fd, view) :]


def _footer(size: int, hashes: bytes, label: bytes) -> bytes:
    table = hashes if size > BLOCK else b""
    lengths = _LENGTHS.pack(size, len(table), len(label))
    check = xxhash.xxh3_64_intdigest(label + lengths)
    return b"".join((table, label, _TRAILER.pack(size, len(table), len(label), check, _MAGIC)))


class Footer(Struct, frozen=True):
    """What follows the data of a blob."""

    size: int
    hashes: bytes
    label: Label


def read_footer(path: str | Path) -> Footer:
    """Raises `Corrupt` when the file is not a whole blob."""
    with open(path, "rb", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        trailer = os.pread(file.fileno(), _TRAILER.size, max(0, length - _TRAILER.size))
        if len(trailer) < _TRAILER.size:
            raise Corrupt(f"{path}: too short for a blob")
        size, table, label, check, magic = _TRAILER.unpack(trailer)
        if magic != _MAGIC or size + table + label + _TRAILER.size != length:
            raise Corrupt(f"{path}: no blob, or cut short")
        footer = os.pread(file.fileno(), table + label, size)
    return _parse(path, size, footer[:table], footer[table:], check)


def _parse(path: str | Path, size: int, hashes: bytes, label: bytes, check: int) -> Footer:
    lengths = _LENGTHS.pack(size, len(hashes), len(label))
    if xxhash.xxh3_64_intdigest(label + lengths) != check:
        raise Corrupt(f"{path}: the label does not match its checksum")
    try:
        return Footer(size, hashes, decode_label(label))
    except msgspec.DecodeError as error:
        raise Corrupt(f"{path}: the label cannot be read: {error}") from error
