"""Leadership of one node: its lease in the database, and its work.

The lease is a row, and ends at a time by the clock of the database. Its holder counts from before
it has sent the statement that let it end later, so for the holder it ends earlier than for all
others, by the clock of the boot: that counts while the machine is suspended. Two thirds of the
lease after the last renewal the work has to stop; what has not stopped soon after is cancelled, and
a tenth of the lease is left for clocks that differ in their rate.

A process that is frozen in the middle of its work may wake up when another one leads. What must
not happen twice compares the term in its own transaction.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import asyncpg

from cluster.coordination.node_note import BootClock, boot_clock
from cluster.database.connecting import Connection, Database
from cluster.database.errors import DatabaseError
from cluster.maintenance import StoppedWithin, Work, stopped_before

log = logging.getLogger(__name__)

LEASE_S, RENEW_S = 15.0, 5.0

# Of the lease, since the last renewal: the work has to stop, and is cancelled.
_ASKED, _CANCELLED = 2 / 3, 9 / 10
# So many attempts to take a lease, or to renew one again, in the time between two renewals.
_ATTEMPTS = 5
_GIVE_BACK_S = 3.0
_NS = 1_000_000_000

T = TypeVar("T")


class Leadership:
    """A candidate for the lease: one process of the node, on one event loop.

    It is held for `lease_s` and renewed after each `renew_s`, less than half of that.
    """

    def __init__(
        self,
        database: Database,
        node: str,
        *,
        lease_s: float = LEASE_S,
        renew_s: float = RENEW_S,
        now_ns: BootClock = boot_clock,
    ) -> None:
        self._database = database
        self._node = node
        self._lease_s = lease_s
        self._renew_s = renew_s
        self._now_ns = now_ns
        # Two processes may have the name of one node, for a moment or by mistake.
        self._holder = uuid.uuid4()
        self._is_away = False
        self._lease: _Lease | None = None

    @property
    def term(self) -> int:
        """The term of the lease that this process has; 0 without one."""
        lease = self._lease
        return 0 if lease is None or lease.is_over() else lease.term

    async def run(self, work: Work, stopped_within: StoppedWithin) -> None:
        """Compete for the lease until it is time to stop; with it, do the work.

        `work` is given a wait that also ends when the lease has; when it returns earlier, the lease
        is given back, and is competed for again. What it raises ends this too, in an exception
        group. An outage of the database does not.
        """
        while True:
            lease = await self._take()
            if lease is not None:
                await self._lead(lease, work, stopped_within)
            if await stopped_within(self._renew_s / _ATTEMPTS):
                return

    async def _take(self) -> _Lease | None:
        sent_ns = self._now_ns()

        async def take(connection: Connection) -> int | None:
            sql = "SELECT s3gw.take_lease_1($1, $2, $3)"
            term: int | None = await connection.fetchval(
                sql, self._node, self._holder, self._lease_s
            )
            return term

        term = await self._asked(take, self._renew_s)
        if term is None:
            return None
        lease = _Lease(term, self._lease_s, self._now_ns, sent_ns)
        # The answer may have taken longer than the lease.
        return None if lease.is_over() else lease

    async def _lead(self, lease: _Lease, work: Work, stopped_within: StoppedWithin) -> None:
        log.info("this node leads the cluster", extra={"term": lease.term})
        self._lease = lease
        try:
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(work(lease.ending(stopped_within)))
                beside = (
                    tasks.create_task(self._renew(lease)),
                    tasks.create_task(lease.lapsed()),
                )
                await asyncio.wait((working, *beside), return_when=asyncio.FIRST_COMPLETED)
                lease.end()
                for each in beside:
                    each.cancel()
                await _end_within(lease.left_s(), working)
        finally:
            self._lease = None
            await self._give_back(lease)
        log.info("this node leads no longer", extra={"term": lease.term})

    async def _renew(self, lease: _Lease) -> None:
        """Renew the lease until it is another's; an outage is left to the lapse."""

        async def renew(connection: Connection) -> bool:
            sql = "SELECT s3gw.renew_lease_1($1, $2, $3)"
            done: bool = await connection.fetchval(sql, self._holder, lease.term, self._lease_s)
            return done

        pause_s = self._renew_s
        while True:
            await asyncio.sleep(pause_s)
            sent_ns = self._now_ns()
            is_renewed = await self._asked(renew, self._renew_s)
            if is_renewed is False:
                log.warning("the lease is lost", extra={"term": lease.term})
                lease.lose()
                return
            if is_renewed:
                lease.renew(sent_ns)
            pause_s = self._renew_s if is_renewed else self._renew_s / _ATTEMPTS

    async def _give_back(self, lease: _Lease) -> None:
        async def give_back(connection: Connection) -> None:
            sql = "SELECT s3gw.give_lease_back_1($1, $2)"
            await connection.execute(sql, self._holder, lease.term)

        await self._asked(give_back, _GIVE_BACK_S)

    async def _asked(
        self, ask: Callable[[Connection], Coroutine[Any, Any, T]], within_s: float
    ) -> T | None:
        """Return the answer of the database; None while it is away, logged once."""
        try:
            async with self._database.connection(within_s) as connection:
                answer = await ask(connection)
        except (DatabaseError, asyncpg.PostgresError) as error:
            if not self._is_away:
                problem = str(error) or type(error).__name__
                log.warning("the lease cannot be asked for", extra={"problem": problem})
            self._is_away = True
            return None
        self._is_away = False
        return answer


class _Lease:
    """What the holder knows of the lease: less than the database does."""

    def __init__(self, term: int, lease_s: float, now_ns: BootClock, sent_ns: int) -> None:
        self.term = term
        self._lease_s = lease_s
        self._now_ns = now_ns
        self._renewed_ns = sent_ns
        self._ended = asyncio.Event()
        self._is_lost = False

    def renew(self, sent_ns: int) -> None:
        self._renewed_ns = sent_ns

    def lose(self) -> None:
        """Note that another one may have it already."""
        self._is_lost = True
        self._ended.set()

    def end(self) -> None:
        """Ask the work to stop."""
        self._ended.set()

    def is_over(self) -> bool:
        """Whether the work has to stop."""
        return self._ended.is_set() or self._until_s(_ASKED) <= 0

    def left_s(self) -> float:
        """Return the seconds until the work is cancelled."""
        return 0 if self._is_lost else max(self._until_s(_CANCELLED), 0)

    async def lapsed(self) -> None:
        """Wait until the work has to stop because nothing renews the lease."""
        while (left_s := self._until_s(_ASKED)) > 0:  # noqa: ASYNC110, it is renewed meanwhile
            await asyncio.sleep(left_s)

    def ending(self, stopped_within: StoppedWithin) -> StoppedWithin:
        """Return a wait that also ends with the lease."""

        async def within(seconds: float) -> bool:
            if self.is_over():
                return True
            return await stopped_before(self._ended, seconds, stopped_within) or self.is_over()

        return within

    def _until_s(self, share: float) -> float:
        return (self._renewed_ns - self._now_ns()) / _NS + share * self._lease_s


async def _end_within(seconds: float, working: asyncio.Task[None]) -> None:
    """Wait so long for the end of work, then cancel it."""
    await asyncio.wait((working,), timeout=seconds)
    if not working.done():
        log.error("what the leader does was cancelled: it did not stop before its lease ended")
        working.cancel()
