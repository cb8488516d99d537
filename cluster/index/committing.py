"""Commits of mutations: repeated while the database is away, and grouped."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Protocol, TypeVar

from cluster.database.committing import commit
from cluster.database.connecting import Connection, Database
from cluster.database.errors import DatabaseAway, OutcomeUnknown
from cluster.database.patience import patiently
from cluster.index.grouping import Busy, Group, Outcome
from cluster.index.transaction import PostgresTransaction
from storage.clock import Clock
from storage.index.mutations import PutObject, UpdateObject
from storage.index.transaction import Mutation

log = logging.getLogger(__name__)

T = TypeVar("T")

# How long a request waits for the database.
PATIENCE_S = 40.0
# Most requests that write are of these kinds.
TOGETHER = (PutObject, UpdateObject)
# So many at most in a transaction, and so many transactions of them at the same time.
_MOST = 64
_GROUPS = 2


class Files(Protocol):
    """Blobs that the mutation names; they are durable already."""

    def keep(self) -> None: ...

    def discard(self) -> None: ...


class Committer:
    """Runs mutations: those of some kinds together, the others each in a transaction of its own.
    `clock` is for tests."""

    def __init__(
        self, database: Database, *, patience_s: float = PATIENCE_S, clock: Clock | None = None
    ) -> None:
        self._database = database
        self._patience_s = patience_s
        self._clock = clock
        self._under_way: set[asyncio.Future[Any]] = set()
        self._groups = _Groups(self._together)

    async def run(self, mutation: Mutation[T], files: Files | None = None) -> T:
        """Return what the mutation returns, once it is durable. Raises what it raises, and
        `DatabaseAway` when the database is away for too long: then nothing was done; and
        `OutcomeUnknown`. Files are kept, or discarded where nothing was done. A commit is not
        broken off when its caller is."""
        task = asyncio.ensure_future(self._settle(mutation, files))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # Its caller has it, unless it was cancelled.
            task.exception()

    async def _settle(self, mutation: Mutation[T], files: Files | None) -> T:
        try:
            result = await self._run(mutation)
        except (OutcomeUnknown, asyncio.CancelledError):
            # The process that starts here next looks whether the index names them.
            raise
        except BaseException:
            if files is not None:
                await asyncio.to_thread(files.discard)
            raise
        if files is not None:
            await _keep(files)
        return result

    async def _run(self, mutation: Mutation[T]) -> T:
        until = monotonic() + self._patience_s
        may_share = isinstance(mutation, TOGETHER)

        async def attempt() -> T:
            nonlocal may_share
            if may_share:
                try:
                    return await self._groups.join(mutation, until)
                except Busy:
                    may_share = False
            return await self._alone(mutation, until)

        return await patiently(attempt, until)

    async def _alone(self, mutation: Mutation[T], until: float) -> T:
        result: list[T] = []

        async def work(connection: Connection) -> bool:
            transaction = PostgresTransaction(connection, self._clock)
            result.append(await mutation(transaction))
            await transaction.flush_all()
            return transaction.has_written

        await commit(self._database, work, until)
        return result[-1]

    async def _together(self, mutations: Sequence[Mutation[Any]]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []

        async def work(connection: Connection) -> bool:
            outcomes[:] = await Group(connection, self._clock).run(mutations)
            return not all(isinstance(outcome, BaseException) for outcome in outcomes)

        await commit(self._database, work, monotonic() + self._patience_s)
        return outcomes


async def _keep(files: Files) -> None:
    try:
        await asyncio.to_thread(files.keep)
    except OSError as error:
        # They are named, so whoever looks at them later leaves them as they are.
        log.warning("a blob stays in doubt after its commit", extra={"error": str(error)})


class _Groups:
    """Mutations that wait at the same time go together."""

    def __init__(self, run: Callable[[Sequence[Mutation[Any]]], Awaitable[Sequence[Outcome]]]):
        self._run = run
        self._waiting: deque[tuple[Mutation[Any], float, asyncio.Future[Any]]] = deque()
        self._runners: set[asyncio.Future[None]] = set()

    async def join(self, mutation: Mutation[T], until: float) -> T:
        """Return what the mutation returns. Raises what it raises, `Busy`, and `DatabaseAway`, also
        if its turn has not come `until` then, by the monotonic clock."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((mutation, until, answer))
        if len(self._runners) < _GROUPS:
            runner = asyncio.ensure_future(self._work())
            self._runners.add(runner)
            runner.add_done_callback(self._runners.discard)
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            mutations, answers = self._next()
            if not mutations:
                continue
            try:
                outcomes = await self._run(mutations)
            except BaseException as error:
                for answer in answers:
                    _answer(answer, error)
                if not isinstance(error, Exception):
                    raise
            else:
                for answer, outcome in zip(answers, outcomes, strict=True):
                    _answer(answer, outcome)

    def _next(self) -> tuple[list[Mutation[Any]], list[asyncio.Future[Any]]]:
        """Take those whose turn it is; those that have waited for too long are answered."""
        mutations: list[Mutation[Any]] = []
        answers: list[asyncio.Future[Any]] = []
        now = monotonic()
        while self._waiting and len(mutations) < _MOST:
            mutation, until, answer = self._waiting.popleft()
            if until < now:
                _answer(answer, DatabaseAway("its turn did not come in time"))
            else:
                mutations.append(mutation)
                answers.append(answer)
        return mutations, answers


def _answer(answer: asyncio.Future[Any], outcome: Outcome) -> None:
    if answer.done():
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome[0])
