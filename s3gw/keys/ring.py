"""The local key ring: a file of keys under the master key.

A key has versions. The newest one wraps; the older ones still unwrap their data keys, for the life
of the ring: labels of blobs and copies of the data may still have keys from before a rotation. All
processes share the file: one that finds it changed reads it again. It is replaced as a whole and
under a lock.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from s3gw.config.private_file import write_durably
from s3gw.keys.provider import KMS_KEY, S3_KEY, DataKey, KeyFacts, UnknownKey
from s3gw.keys.wrapping import KEY_BYTES, WrongKey, unwrap, wrap
from storage.clock import Clock, SystemClock
from storage.errors import Corrupt

FORMAT = 1
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.-]{0,127}")
_VERSION_BYTES = 4
_CLOCK = SystemClock()

log = logging.getLogger(__name__)


class RingError(Exception):
    """The ring cannot be used; the message says why and what to do."""


class _Version(Struct, frozen=True):
    created_ns: int
    wrapped: bytes


class _Key(Struct, frozen=True):
    """`versions` are counted from 1."""

    id: str
    versions: tuple[_Version, ...]


class _File(Struct, frozen=True):
    format: int
    keys: tuple[_Key, ...]


class Ring:
    """A `KeyProvider`. Each use of a key checks whether the file changed, without reading it."""

    def __init__(self, path: Path, master: bytes, *, clock: Clock = _CLOCK) -> None:
        """Read the ring. Raises `RingError`, also for a different master key."""
        self._path = path
        self._master = master
        self._clock = clock
        self._seen: tuple[int, ...] = ()
        self._facts: list[KeyFacts] = []
        self._keys: dict[str, list[bytes]] = {}
        self._refresh()

    async def generate(self, key_id: str, context: bytes) -> DataKey:
        self._refresh()
        clear = os.urandom(KEY_BYTES)
        return DataKey(clear, self._wrap(key_id, clear, context), key_id)

    async def unwrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        self._refresh()
        number = int.from_bytes(wrapped[:_VERSION_BYTES], "big")
        versions = self._versions(key_id)
        if not 1 <= number <= len(versions):
            raise UnknownKey(f"{key_id} version {number}")
        try:
            return unwrap(versions[number - 1], wrapped[_VERSION_BYTES:], context)
        except WrongKey:
            raise Corrupt(f"a data key under {key_id!r} is not what was wrapped") from None

    async def rewrap(self, key_id: str, wrapped: bytes, context: bytes) -> bytes:
        self._refresh()
        newest = len(self._versions(key_id))
        if wrapped.startswith(newest.to_bytes(_VERSION_BYTES, "big")):
            return wrapped
        clear = await self.unwrap(key_id, wrapped, context)
        return self._wrap(key_id, clear, context)

    async def describe(self) -> Sequence[KeyFacts]:
        self._refresh()
        return self._facts

    def create(self, key_id: str) -> None:
        """Create a key. Raises `RingError` when it exists, or the id is invalid."""
        if not _KEY_ID.fullmatch(key_id):
            raise RingError(
                f"{key_id!r} cannot be a key's id: use 1 to 128 letters, digits and any of / _ . -"
            )
        with self._changing() as file:
            if any(key.id == key_id for key in file.keys):
                raise RingError(f"There is a key {key_id!r} already.")
            self._write((*file.keys, _Key(key_id, (self._new_version(key_id, 1),))))

    def add_version(self, key_id: str) -> int:
        """Add a version, for all wrapping from now on, and return its number. Raises
        `UnknownKey`."""
        with self._changing() as file:
            keys = {key.id: key for key in file.keys}
            if key_id not in keys:
                raise UnknownKey(key_id)
            old = keys[key_id].versions
            number = len(old) + 1
            keys[key_id] = _Key(key_id, (*old, self._new_version(key_id, number)))
            self._write(tuple(keys.values()))
        return number

    def _wrap(self, key_id: str, clear: bytes, context: bytes) -> bytes:
        versions = self._versions(key_id)
        return len(versions).to_bytes(_VERSION_BYTES, "big") + wrap(versions[-1], clear, context)

    def _versions(self, key_id: str) -> list[bytes]:
        try:
            return self._keys[key_id]
        except KeyError:
            raise UnknownKey(key_id) from None

    def _new_version(self, key_id: str, number: int) -> _Version:
        return _new_version(self._master, key_id, number, self._clock.now_ns())

    def _refresh(self) -> None:
        """Read a changed file. If it is lost or damaged, continue with the keys in memory: keys are
        never removed from a ring."""
        seen = _state(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._open(_read(self._path))
        except RingError as error:
            if not self._keys:
                raise
            log.error("the key ring cannot be read again", extra={"problem": str(error)})

    def _open(self, file: _File) -> None:
        self._keys = {
            key.id: [
                _opened(self._master, key.id, number, version)
                for number, version in enumerate(key.versions, 1)
            ]
            for key in file.keys
        }
        self._facts = [
            KeyFacts(
                key.id, len(key.versions), key.versions[0].created_ns, key.versions[-1].created_ns
            )
            for key in sorted(file.keys, key=lambda key: key.id)
        ]

    @contextmanager
    def _changing(self) -> Iterator[_File]:
        with open(self._path.with_suffix(".lock"), "ab") as lock:
            os.chmod(lock.fileno(), 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield _read(self._path)
            self._refresh()

    def _write(self, keys: tuple[_Key, ...]) -> None:
        _write(self._path, _File(FORMAT, keys))


def new_ring(path: Path, master: bytes, *, clock: Clock = _CLOCK) -> Ring:
    """Create a ring with S3's two default keys."""
    now = clock.now_ns()
    keys = (_Key(name, (_new_version(master, name, 1, now),)) for name in (KMS_KEY, S3_KEY))
    _write(path, _File(FORMAT, tuple(keys)))
    return Ring(path, master, clock=clock)


def _new_version(master: bytes, key_id: str, number: int, now_ns: int) -> _Version:
    return _Version(now_ns, wrap(master, os.urandom(KEY_BYTES), _context(key_id, number)))


def _opened(master: bytes, key_id: str, number: int, version: _Version) -> bytes:
    try:
        return unwrap(master, version.wrapped, _context(key_id, number))
    except WrongKey:
        raise RingError("This is not the master key that the key ring was created with.") from None


def _context(key_id: str, number: int) -> bytes:
    return f"{key_id}\x00{number}".encode()


def _state(path: Path) -> tuple[int, ...]:
    """Return a value that changes with the file; `write_durably` creates a new file each time."""
    try:
        stat = os.stat(path)
    except OSError:
        return (0,)
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _read(path: Path) -> _File:
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise RingError(f"The key ring {path} cannot be read: {error.strerror}.") from None
    except msgspec.DecodeError:
        raise RingError(f"The key ring {path} is damaged: put back a good copy.") from None
    if file.format != FORMAT:
        raise RingError(f"The key ring {path} was written by a newer s3gw.")
    return file


def _write(path: Path, file: _File) -> None:
    write_durably(path, msgspec.json.format(msgspec.json.encode(file)))
