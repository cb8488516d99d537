"""Upkeep of the index and the blobs of a cluster.

Any process does it, or several at once. It unlinks garbage whose time has come, empties the trash
of discarded buckets, forgets what is old, adds up usage, and settles what dead processes of its
node left in doubt. Each step is bounded. Blobs are unlinked before their row of garbage is deleted,
so after a crash in between the next run only finds them gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from cluster.bytes.doubt import ORPHAN_KEPT_S, settle_doubt
from cluster.database.clock import ns_of
from cluster.database.connecting import Connection, Database
from cluster.index.committing import Committer
from storage import failpoints
from storage.blobs.folder import BlobFolder
from storage.blobs.removing import unlink_unread
from storage.clock import Clock
from storage.index.bucket_mutations import EmptyTrash, ForgetTrash

GARBAGE_BITE = 100
BITE = 1000
COMPLETED_KEPT_S = 7 * 24 * 3600
DONE_KEPT_S = 3600
# Garbage that is being read waits so long, so that it is not in the way of the rest.
_BUSY_S = 60
_UNLINKING_S = 300

_GARBAGE = """
SELECT id, blobs FROM s3gw.garbage WHERE not_before <= clock_timestamp()
ORDER BY not_before LIMIT $1 FOR UPDATE SKIP LOCKED"""
_POSTPONE = """
UPDATE s3gw.garbage SET not_before = clock_timestamp() + make_interval(secs => $2)
WHERE id = ANY($1)"""
_FORGET_COMPLETED = """
DELETE FROM s3gw.completed WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM s3gw.completed
    WHERE time < $1 - $2 * 1000000000::bigint LIMIT $3 FOR UPDATE SKIP LOCKED))"""
_FORGET_DONE = """
DELETE FROM s3gw.done WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM s3gw.done WHERE at < clock_timestamp() - make_interval(secs => $1)
    LIMIT $2 FOR UPDATE SKIP LOCKED))"""
_ADD_UP = """
WITH moved AS (
    DELETE FROM s3gw.usage_delta WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM s3gw.usage_delta LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING bucket, objects, bytes),
added AS (
    SELECT bucket, sum(objects) AS objects, sum(bytes) AS bytes FROM moved GROUP BY bucket)
UPDATE s3gw.usage u SET objects = u.objects + added.objects, bytes = u.bytes + added.bytes
FROM added WHERE u.bucket = added.bucket"""


class Swept(Struct, frozen=True):
    """One run: `busy` entries of garbage are being read, `doubtful` files stay in doubt; `more`
    means that another run is worth while at once."""

    collected: int = 0
    unlinked: int = 0
    busy: int = 0
    doubtful: int = 0
    more: bool = False


class Sweeper:
    """`clock` is for tests; else the time is the database's."""

    def __init__(
        self,
        database: Database,
        committer: Committer,
        folder: BlobFolder,
        node: str,
        *,
        clock: Clock | None = None,
        orphan_kept_s: float = ORPHAN_KEPT_S,
    ) -> None:
        self._clock = clock
        self._database = database
        self._committer = committer
        self._folder = folder
        self._node = node
        self._orphan_kept_s = orphan_kept_s

    async def run_once(self) -> Swept:
        """Raises `DatabaseAway`, and `OSError` of the shared folder; the next run starts over."""
        collected, unlinked, busy = await self._collect()
        emptying = await self._empty_some()
        full = await self._forget()
        kept_s = self._orphan_kept_s
        doubtful = await settle_doubt(self._database, self._folder, self._node, kept_s=kept_s)
        more = emptying or full or collected == GARBAGE_BITE
        return Swept(collected, unlinked, busy, doubtful, more)

    async def _collect(self) -> tuple[int, int, int]:
        within = self._database.connection(_UNLINKING_S)
        async with within as connection, connection.transaction():
            sql = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"
            await connection.fetch(sql, f"{_UNLINKING_S}s")
            entries: Any = await connection.fetch(_GARBAGE, GARBAGE_BITE)
            if not entries:
                return 0, 0, 0
            garbage: dict[int, list[str]] = dict(entries)
            gone = await asyncio.to_thread(self._unlink, garbage)
            failpoints.hit("gc_after_unlink")
            await connection.execute("DELETE FROM s3gw.garbage WHERE id = ANY($1)", gone)
            busy = sorted(garbage.keys() - set(gone))
            if busy:
                await connection.execute(_POSTPONE, busy, _BUSY_S)
        return len(gone), sum(len(garbage[key]) for key in gone), len(busy)

    def _unlink(self, garbage: Mapping[int, Sequence[str]]) -> list[int]:
        """Return the entries that nobody reads; their blobs are gone."""
        return [key for key, blobs in garbage.items() if unlink_unread(self._folder, blobs)]

    async def _empty_some(self) -> bool:
        """Take a bite of the trash; return whether there is more."""
        async with self._database.connection() as connection:
            rows: Any = await connection.fetch("SELECT id FROM s3gw.trash ORDER BY id")
        for (key,) in rows:
            if await self._committer.run(EmptyTrash(key)):
                return True
            await self._committer.run(ForgetTrash(key))
        return False

    async def _forget(self) -> bool:
        """Return whether there is more of it."""
        async with self._database.connection() as connection:
            now_ns = await self._now_ns(connection)
            values = (now_ns, COMPLETED_KEPT_S, BITE)
            completed = await connection.execute(_FORGET_COMPLETED, *values)
            done = await connection.execute(_FORGET_DONE, DONE_KEPT_S, BITE)
        await self._add_up()
        return f"DELETE {BITE}" in (completed, done)

    async def _now_ns(self, connection: Connection) -> int:
        if self._clock is not None:
            return self._clock.now_ns()
        return ns_of(await connection.fetchval("SELECT clock_timestamp()"))

    async def _add_up(self) -> None:
        """One process at a time: several would wait for one another's rows in any order."""
        async with self._database.connection() as connection, connection.transaction():
            if await connection.fetchval("SELECT pg_try_advisory_xact_lock(6, 0)"):
                await connection.execute(_ADD_UP, 10 * BITE)
