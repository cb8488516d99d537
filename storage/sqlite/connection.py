"""Connections to SQLite through apsw, every page checksummed, and what its errors mean."""

from __future__ import annotations

import ctypes
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import apsw
import apsw.sqlite_extra

from storage.disk_errors import NO_ROOM, disk_error
from storage.errors import Corrupt, DeviceFailed, OutOfSpace, StorageError

# What `PRAGMA auto_vacuum` says of a file that gives room back in bites.
INCREMENTAL = 2

_BUSY_LIMIT_S = 10.0
_CACHE_KIB = 32 * 1024


@cache
def _load_checksums() -> None:
    """Registers the `cksmvfs` VFS for the whole process."""
    apsw.sqlite_extra.load(apsw.Connection(":memory:"), "cksumvfs")


def connect(
    path: Path, *, flags: int = apsw.SQLITE_OPEN_READWRITE, keep_log: bool = False
) -> apsw.Connection:
    """A connection for one thread at a time. The last one that closes writes the log into the file
    and cuts it off, even where it could read nothing; with `keep_log` it does not."""
    _load_checksums()
    connection = apsw.Connection(str(path), vfs="cksmvfs", flags=flags)
    if keep_log:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    # What the files beside it take must not have to be found again at a start on a full disk.
    persist = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(persist))
    keep_plans(connection)
    connection.set_busy_handler(_Patience())
    connection.pragma("synchronous", "FULL")
    connection.pragma("mmap_size", 0)
    connection.pragma("cache_size", -_CACHE_KIB)
    connection.pragma("wal_autocheckpoint", 0)
    connection.pragma("journal_size_limit", 0)
    return connection


def keep_plans(connection: apsw.Connection) -> None:
    """Let SQLite compile a statement once. With STAT4, as in apsw, it compiles one anew whenever a
    value is bound that might lead to a better plan, which is each time; nobody runs ANALYZE here,
    so there are no statistics to choose a plan by."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


def release_log(connection: apsw.Connection) -> None:
    """For a connection that kept the log until it was found to be whole."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


class _Patience:
    """SQLite's own waiting doubles up to 100 ms and starves the unlucky for nearly a second;
    short random naps keep the tail at some 50 ms with four processes writing."""

    def __init__(self) -> None:
        self._deadline = 0.0

    def __call__(self, calls: int) -> bool:
        now = time.monotonic()
        if calls == 0:
            self._deadline = now + _BUSY_LIMIT_S
        time.sleep(random.uniform(0.0001, 0.001))
        return now < self._deadline


@contextmanager
def translated() -> Iterator[None]:
    """Turns what SQLite and the file system say into our own errors."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise storage_error(error) from error


@contextmanager
def errno_kept(connection: apsw.Connection) -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        keep_errno(connection, error)
        raise


def keep_errno(connection: apsw.Connection, error: Exception) -> None:
    """Notes on an error of the disk why the system said no. SQLite knows a full disk, but not a
    quota."""
    if isinstance(error, apsw.IOError):
        error.errno = connection.system_errno  # type: ignore[attr-defined]


def storage_error(error: Exception) -> Exception:
    """The error of ours that it means, or the very same one if it means a bug."""
    match error:
        case StorageError():
            return error
        case apsw.FullError():
            return OutOfSpace(str(error))
        case apsw.CorruptError() | apsw.NotADBError():
            return Corrupt(str(error))
        case apsw.IOError() if _extended(error) == apsw.SQLITE_IOERR_DATA:
            return Corrupt("a page of the index does not match its checksum")
        case apsw.IOError() if _extended(error) == apsw.SQLITE_IOERR_SHMSIZE:
            return OutOfSpace("no room for the shared memory of the index")
        case apsw.IOError() if getattr(error, "errno", 0) in NO_ROOM:
            return OutOfSpace(str(error))
        case apsw.IOError() | apsw.BusyError() | apsw.CantOpenError() | apsw.ReadOnlyError():
            return DeviceFailed(str(error))
        case OSError():
            return disk_error(error)
    return error


def _extended(error: apsw.Error) -> int:
    """apsw sets the attribute at run time only."""
    return int(getattr(error, "extendedresult", 0))
