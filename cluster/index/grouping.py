"""Several mutations in one transaction, which share its round trips.

Each runs as a coroutine of its own, until it waits for the database. When all of them wait, what
they hold is held by one statement, and what they look for is found by one; what they write is sent
together at the end. A mutation whose name is held elsewhere, or wanted by another one of the group,
is left out: it goes alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from cluster.database.clock import ns_of
from cluster.database.connecting import Connection
from cluster.index.transaction import (
    FIND,
    PostgresTransaction,
    find_values,
    found,
    name_lock,
)
from storage.clock import Clock
from storage.errors import BucketNotFound
from storage.index.rows import decode_bucket
from storage.index.transaction import Mutation
from storage.index.versions import Bucket, Home, Stored


class Busy(Exception):
    """The mutation has to go alone; it has done nothing."""


class _Hold(NamedTuple):
    bucket: Bucket
    locks: Sequence[int]
    member: _Member


class _Find(NamedTuple):
    bucket: int
    wanted: Sequence[tuple[bytes, str | None]]


Outcome = BaseException | tuple[Any]


class Group:
    """The mutations that share a transaction of a connection."""

    def __init__(self, connection: Connection, clock: Clock | None = None) -> None:
        self._connection = connection
        self._clock = clock
        self._running = 0
        self._waiting: list[tuple[_Hold | _Find, asyncio.Future[Any]]] = []
        self._all_wait = asyncio.Event()
        self._taken: set[int] = set()

    async def run(self, mutations: Sequence[Mutation[Any]]) -> list[Outcome]:
        """Return what each has returned, as a tuple, or raised; raise what the database raised."""
        members = [_Member(self._connection, self._clock, self) for _ in mutations]
        self._running = len(members)
        tasks = [
            asyncio.ensure_future(self._run(member, mutation))
            for member, mutation in zip(members, mutations, strict=True)
        ]
        try:
            while self._running:
                await self._all_wait.wait()
                self._all_wait.clear()
                await self._serve()
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await self._write(
            [
                member
                for member, outcome in zip(members, outcomes, strict=True)
                if not isinstance(outcome, BaseException)
            ]
        )
        return outcomes

    async def _run(self, member: _Member, mutation: Mutation[Any]) -> Outcome:
        try:
            return (await mutation(member),)
        finally:
            self._running -= 1
            self._look()

    async def ask(self, request: _Hold | _Find) -> Any:
        """Wait until all others wait too, and for the answer."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        self._look()
        return await answer

    def _look(self) -> None:
        if len(self._waiting) == self._running:
            self._all_wait.set()

    async def _serve(self) -> None:
        """Answer all that wait."""
        waiting, self._waiting = self._waiting, []
        holds = [(each, answer) for each, answer in waiting if isinstance(each, _Hold)]
        finds = [(each, answer) for each, answer in waiting if isinstance(each, _Find)]
        if holds:
            await self._hold(holds)
        if finds:
            await self._find(finds)

    async def _hold(self, holds: Sequence[tuple[_Hold, asyncio.Future[Any]]]) -> None:
        wanted = sorted({lock for each, _ in holds for lock in each.locks} - self._taken)
        buckets = sorted({each.bucket.key for each, _ in holds})
        sql = "SELECT * FROM s3gw.hold_many_1($1, $2)"
        row: Any = await self._connection.fetchrow(sql, buckets, wanted)
        granted = {lock for lock, is_ours in zip(wanted, row["granted"], strict=True) if is_ours}
        facts = dict(zip(buckets, row["facts"], strict=True))
        for each, answer in holds:
            if not granted.issuperset(each.locks):
                answer.set_exception(Busy())
                continue
            granted.difference_update(each.locks)
            self._taken.update(each.locks)
            each.member.keep_time(ns_of(row["at"]))
            bucket = facts[each.bucket.key]
            if bucket is None:
                answer.set_exception(BucketNotFound(each.bucket.info.name))
            else:
                answer.set_result(Home(each.bucket.key, decode_bucket(bucket).versioning))

    async def _find(self, finds: Sequence[tuple[_Find, asyncio.Future[Any]]]) -> None:
        wanted = [(each.bucket, *name) for each, _ in finds for name in each.wanted]
        rows = iter(await self._connection.fetch(FIND, *find_values(wanted)))
        for each, answer in finds:
            answer.set_result([found(next(rows), version) for _, version in each.wanted])

    async def _write(self, members: Sequence[_Member]) -> None:
        """Send the writes of all, those of each in their order."""
        steps: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
        for member in members:
            for number, (sql, values) in enumerate(member.take_writes()):
                steps.setdefault((number, sql), []).append(values)
        for (_, sql), rows in sorted(steps.items(), key=lambda step: step[0][0]):
            await self._connection.executemany(sql, rows)


class _Member(PostgresTransaction):
    """The transaction as one mutation of the group sees it."""

    def __init__(self, connection: Connection, clock: Clock | None, group: Group) -> None:
        super().__init__(connection, clock)
        self._group = group

    async def hold(self, bucket: Bucket, *names: bytes) -> Home:
        locks = sorted({name_lock(bucket.key, name) for name in names})
        home: Home = await self._group.ask(_Hold(bucket, locks, self))
        return home

    async def find_all(
        self, bucket: int, wanted: Sequence[tuple[bytes, str | None]]
    ) -> list[Stored | None]:
        answer: list[Stored | None] = await self._group.ask(_Find(bucket, wanted))
        return answer

    async def _all(self, sql: str, *values: Any) -> list[Any]:
        """What only few mutations read is not shared."""
        raise Busy

    def take_writes(self) -> list[tuple[str, tuple[Any, ...]]]:
        self._write_usage()
        return self._writes
