"""Clients that write and read a few names at the same time, and note what they were told."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from itertools import count
from time import monotonic

from cluster.database.connecting import Database
from cluster.database.errors import DatabaseAway, OutcomeUnknown
from cluster.index.committing import Committer
from storage.errors import ObjectNotFound, PreconditionFailed
from storage.index.mutations import PutObject
from storage.index.rows import Empty, Row, decode_row
from storage.index.versions import Bucket
from storage.values import ALWAYS, NO_ATTRIBUTES, Condition
from tests.cluster.linearizability import UNKNOWN_END, Kind, Operation, is_linearizable

_CONDITIONS = {Kind.WRITE: ALWAYS, Kind.CREATE: Condition(if_none_match=("*",))}


class Registers:
    """The names are registers; the ETag of an object is the number that was written."""

    def __init__(self, database: Database, committer: Committer, bucket: Bucket) -> None:
        self.histories: defaultdict[str, list[Operation]] = defaultdict(list)
        self._database = database
        self._committer = committer
        self._bucket = bucket
        self._numbers = count(1)
        self._noted = asyncio.Event()

    async def work(self, *, clients: int, names: int, operations: int, seed: int) -> None:
        """Let each client do so many operations, one after the other."""
        async with asyncio.TaskGroup() as group:
            for client in range(clients):
                chance = random.Random(f"{seed} {client}")
                group.create_task(self._client(chance, names, operations))

    async def at_least(self, operations: int) -> None:
        """Return when so many have been done."""
        while sum(map(len, self.histories.values())) < operations:
            self._noted.clear()
            await self._noted.wait()

    def _note(self, name: str, operation: Operation) -> None:
        self.histories[name].append(operation)
        self._noted.set()

    async def _client(self, chance: random.Random, names: int, operations: int) -> None:
        known: dict[str, int | None] = {}
        for _ in range(operations):
            name = f"register-{chance.randrange(names)}"
            kind = chance.choice([Kind.READ, Kind.READ, Kind.WRITE, Kind.CREATE, Kind.REPLACE])
            called = monotonic()
            if kind is Kind.READ:
                value = await self._read(name)
                known[name] = value
                self._note(name, Operation(kind, called, monotonic(), value))
            elif kind is not Kind.REPLACE or known.get(name) is not None:
                await self._write(kind, name, known.get(name), called)

    async def _read(self, name: str) -> int | None:
        sql = "SELECT row FROM s3gw.objects WHERE bucket = $1 AND name = $2"
        while True:
            try:
                async with self._database.connection() as connection:
                    row = await connection.fetchval(sql, self._bucket.key, name.encode())
                return None if row is None else int(decode_row(row).etag)
            except DatabaseAway:
                continue

    async def _write(self, kind: Kind, name: str, expected: int | None, called: float) -> None:
        value = next(self._numbers)
        condition = _CONDITIONS.get(kind) or Condition(if_match=(str(expected),))
        row = Row(0, str(value), 1, NO_ATTRIBUTES, Empty())
        done: bool | None = True
        try:
            await self._committer.run(PutObject(self._bucket, name, row, None, condition))
        except (PreconditionFailed, ObjectNotFound):
            done = False
        except OutcomeUnknown:
            done = None
        except DatabaseAway:
            return
        returned = monotonic() if done is not None else UNKNOWN_END
        self._note(name, Operation(kind, called, returned, value, expected, done))

    def broken(self) -> list[str]:
        """Return the names whose histories no order explains."""
        return [name for name, history in self.histories.items() if not is_linearizable(history)]
