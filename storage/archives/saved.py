"""Indexes of archives in a file, for all processes and across restarts.

It is a cache: it may be deleted at any time, is never flushed, and what cannot be read of it is
built again. The oldest entries are dropped when there are too many bytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw
import msgspec

from storage.archives.index import ShardIndex
from storage.archives.index_key import IndexKey
from storage.errors import Corrupt
from storage.sqlite.connection import keep_plans

log = logging.getLogger(__name__)

LIMIT_BYTES = 256 << 20
_BUSY_MS = 1000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS indexes(
    id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL,
    content BLOB NOT NULL) STRICT;
"""
_TOO_MANY = """
DELETE FROM indexes WHERE id <= (
    SELECT max(id) FROM (
        SELECT id, sum(bytes) OVER (ORDER BY id DESC) AS newer FROM indexes) WHERE newer > ?)
"""
T = TypeVar("T")


class SavedIndexes:
    """The file at `path`, created when it is missing."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._path = path
        self._limit = limit_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive-indexes")
        self._connection: apsw.Connection | None = None

    async def load(self, key: IndexKey) -> ShardIndex | None:
        return await self._in_thread(lambda: self._load(msgspec.msgpack.encode(key)))

    async def save(self, key: IndexKey, index: ShardIndex) -> None:
        """What is too large for the file is not kept."""
        if index.memory_bytes <= self._limit // 2:
            await self._in_thread(lambda: self._save(msgspec.msgpack.encode(key), index))

    def close(self) -> None:
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()

    def _load(self, key: bytes) -> ShardIndex | None:
        sql = "SELECT content FROM indexes WHERE key = ?"
        found: Any = self._opened().execute(sql, (key,)).get
        return None if found is None else ShardIndex.from_bytes(found)

    def _save(self, key: bytes, index: ShardIndex) -> None:
        content = index.to_bytes()
        with self._opened() as connection:
            sql = "INSERT OR REPLACE INTO indexes(key, bytes, content) VALUES (?, ?, ?)"
            connection.execute(sql, (key, len(content), content))
            connection.execute(_TOO_MANY, (self._limit,))

    def _opened(self) -> apsw.Connection:
        if self._connection is None:
            connection = apsw.Connection(str(self._path))
            keep_plans(connection)
            connection.set_busy_timeout(_BUSY_MS)
            connection.pragma("journal_mode", "WAL")
            connection.pragma("synchronous", "OFF")
            connection.execute(_SCHEMA)
            self._connection = connection
        return self._connection

    async def _in_thread(self, job: Callable[[], T]) -> T | None:
        """Whatever is wrong with the file, the index can be built."""
        try:
            return await asyncio.wrap_future(self._thread.submit(job))
        except (apsw.Error, Corrupt, msgspec.DecodeError, OSError) as error:
            log.warning("saved indexes of archives are of no use", extra={"error": str(error)})
            return None
