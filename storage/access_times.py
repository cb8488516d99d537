"""Access times of objects: exact to a minute, in a file beside the index.

Reading an object only notes it in memory, at most once a minute; what was noted is written some
seconds later, all at once, in a thread. So a read costs less than a microsecond, and a crash loses
the last seconds. The file is a cache: it may be deleted at any time, and an object without a time
counts as not read since it was written. Objects are known by a hash of their bucket and name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import apsw
import xxhash

from storage.clock import Clock, SystemClock
from storage.sqlite.connection import keep_plans

log = logging.getLogger(__name__)

# An object is noted again, and noted times are written, when so much time has passed.
AGAIN_NS = 60 * 1_000_000_000
WRITE_S = 5.0
# So many objects of this process are known to be noted; of a larger file the older half goes.
MOST_SEEN = 1 << 16
MOST_PAGES = 1 << 15
_BUSY_MS = 5000
_ASKED = 500
_SCHEMA = "CREATE TABLE IF NOT EXISTS times(id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT"
_WRITE = """
INSERT INTO times(id, at) VALUES (?1, ?2) ON CONFLICT(id) DO UPDATE SET at = max(at, ?2)
"""
_OLDER_HALF = """
DELETE FROM times WHERE at <= (
    SELECT at FROM times ORDER BY at LIMIT 1 OFFSET (SELECT count(*) / 2 FROM times))
"""
_CLOCK = SystemClock()


class AccessTimes:
    """Times of one process, and in the file at `path` those of all; without one only its own.
    All but `of` is for the event loop; that is for any other thread."""

    def __init__(
        self, path: Path | None = None, clock: Clock = _CLOCK, most_pages: int = MOST_PAGES
    ) -> None:
        self._path = path
        self._most_pages = most_pages
        self._clock = clock
        self._seen: dict[str, int] = {}
        self._waiting: dict[str, int] = {}
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="access-times")
        self._connection: apsw.Connection | None = None
        self._timer: asyncio.TimerHandle | None = None

    def note(self, bucket: str, name: str) -> int:
        """Note that the object is read, and return the time, in nanoseconds since the epoch."""
        key, now_ns = f"{bucket}/{name}", self._clock.now_ns()
        before_ns = self._seen.get(key, 0)
        if now_ns - before_ns < AGAIN_NS:
            return before_ns
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen[key] = self._waiting[key] = now_ns
        if self._timer is None and self._path is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(WRITE_S, self._write_soon)
        return now_ns

    def of(self, bucket: str, names: Sequence[str]) -> Sequence[int]:
        """Return the time of each object, 0 without one. Reads the file."""
        seen, keys = self._seen, [f"{bucket}/{name}" for name in names]
        if not self._has_file():
            return [seen.get(key, 0) for key in keys]
        ids = list(map(_id, keys))
        known = self._read(ids)
        return [max(known.get(i, 0), seen.get(key, 0)) for i, key in zip(ids, keys, strict=True)]

    async def last(self, bucket: str, name: str) -> int:
        """Return the time of one object, 0 without one."""
        seen = self._seen.get(f"{bucket}/{name}", 0)
        if seen or not self._has_file():
            return seen
        loop = asyncio.get_running_loop()
        (found,) = await loop.run_in_executor(self._thread, self.of, bucket, (name,))
        return found

    async def flush(self) -> None:
        """Write what was noted."""
        waiting = self._take()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, waiting)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._thread.submit(self._write, self._take())
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()

    def _write_soon(self) -> None:
        self._timer = None
        self._thread.submit(self._write, self._take())

    def _take(self) -> Mapping[str, int]:
        waiting, self._waiting = self._waiting, {}
        return waiting

    def _write(self, waiting: Mapping[str, int]) -> None:
        if not waiting or self._path is None:
            return
        try:
            with self._lock, self._opened(self._path) as connection:
                rows = sorted((_id(key), at_ns) for key, at_ns in waiting.items())
                connection.executemany(_WRITE, rows)
                pages = connection.pragma("page_count") - connection.pragma("freelist_count")
                if pages > self._most_pages:
                    connection.execute(_OLDER_HALF)
        except (apsw.Error, OSError) as error:
            # The objects then look as if they had not been read.
            log.warning("access times are lost", extra={"error": repr(error)})

    def _read(self, ids: Sequence[int]) -> Mapping[int, int]:
        if self._path is None:
            return {}
        try:
            with self._lock:
                connection = self._opened(self._path)
                return dict(row for part in _parts(ids) for row in _rows(connection, part))
        except (apsw.Error, OSError) as error:
            log.warning("access times cannot be read", extra={"error": repr(error)})
            return {}

    def _has_file(self) -> bool:
        return self._connection is not None or (self._path is not None and self._path.exists())

    def _opened(self, path: Path) -> apsw.Connection:
        if self._connection is None:
            connection = apsw.Connection(str(path))
            connection.set_busy_timeout(_BUSY_MS)
            keep_plans(connection)
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "OFF")
            connection.execute(_SCHEMA)
            self._connection = connection
        return self._connection


def access_times_of(store: object) -> AccessTimes:
    """Return the store's own; a store that keeps none has those of this process."""
    found = getattr(store, "access_times", None)
    return found if isinstance(found, AccessTimes) else AccessTimes()


def _id(key: str) -> int:
    return int(xxhash.xxh64_intdigest(key.encode())) - (1 << 63)


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[at : at + _ASKED] for at in range(0, len(ids), _ASKED))


def _rows(connection: apsw.Connection, ids: Sequence[int]) -> Iterable[Any]:
    marks = ",".join("?" * len(ids))
    return connection.execute(f"SELECT id, at FROM times WHERE id IN ({marks})", ids)
