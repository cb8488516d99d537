"""One node leads at a time: at release, lapse, outage, loss and when the work does not stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from cluster.database.connecting import Database
from cluster.maintenance import StoppedWithin
from cluster.maintenance import until as stopped_by
from cluster.members.leader import Leadership
from tests.cluster.coordination.nodes import new_database, until
from tests.cluster.lossy_proxy import LossyProxy
from tests.cluster.postgres import PostgresServer, postgres
from tests.storage.event_loop import run

LEASE_S, RENEW_S = 2.0, 0.4
# No test takes that long, so what ends a pause is not the time.
NEVER_S = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture
def address(server: PostgresServer) -> str:
    return new_database(server)


class Work:
    """What the nodes do when they lead; `history` has the begins and ends of all."""

    def __init__(self) -> None:
        self.history: list[tuple[str, str]] = []
        self.leading: list[str] = []

    def begins(self, node: str) -> int:
        return self.history.count((node, "begins"))

    async def do(self, node: str, work: StoppedWithin) -> None:
        assert not self.leading, f"{node} begins while {self.leading} works"
        self.leading.append(node)
        self.history.append((node, "begins"))
        try:
            while not await work(NEVER_S):
                pass
        finally:
            self.leading.remove(node)
            self.history.append((node, "ends"))


class Candidate:
    """A node that competes for the lease."""

    def __init__(self, name: str, address: str, work: Work, *, lease_s: float = LEASE_S) -> None:
        self.name = name
        self.stop = asyncio.Event()
        self.database = Database(address, connections=2)
        self.leadership = Leadership(self.database, name, lease_s=lease_s, renew_s=RENEW_S)
        self.work = work

    async def run(self) -> None:
        async def work(stopped_within: StoppedWithin) -> None:
            await self.work.do(self.name, stopped_within)

        await self.leadership.run(work, stopped_by(self.stop))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        await self.database.open()
        task = asyncio.create_task(self.run())
        try:
            yield task
            self.stop.set()
            await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.database.close()


async def until_leads(work: Work, node: str) -> None:
    await until(lambda: work.leading == [node])


def test_one_works_and_the_other_takes_over_when_it_stops(address: str) -> None:
    """The lease is given back: the one that it was for would last longer than the test."""
    work = Work()
    one = Candidate("a", address, work, lease_s=NEVER_S)
    other = Candidate("b", address, work, lease_s=NEVER_S)

    async def scenario() -> None:
        async with one.running():
            await until_leads(work, "a")
            async with other.running():
                assert (one.leadership.term, other.leadership.term) == (1, 0)
                one.stop.set()
                await until_leads(work, "b")
                assert (one.leadership.term, other.leadership.term) == (0, 2)

    run(scenario())
    assert work.history == [("a", "begins"), ("a", "ends"), ("b", "begins"), ("b", "ends")]


def test_of_many_that_begin_together_one_works_at_a_time(address: str) -> None:
    work = Work()
    all_of_them = [Candidate(name, address, work, lease_s=NEVER_S) for name in "abcd"]

    async def stop_the_leader(after: int) -> None:
        await until(lambda: len(work.history) == 2 * after + 1)
        leader = next(each for each in all_of_them if each.name in work.leading)
        leader.stop.set()

    async def scenario() -> None:
        await all_of_them[0].database.open()
        async with asyncio.TaskGroup() as tasks:
            for each in all_of_them:
                tasks.create_task(each.run())
            for number in range(len(all_of_them)):
                await stop_the_leader(number)
        for each in all_of_them:
            await each.database.close()

    run(scenario())
    assert sorted(node for node, what in work.history if what == "begins") == list("abcd")


def test_the_lease_is_renewed(address: str, server: PostgresServer) -> None:
    """It is held beyond the end that it had at first, in one term."""
    ends = "SELECT expires, term FROM s3gw.leader"
    name = address.rpartition("/")[2]
    work = Work()
    one = Candidate("a", address, work)

    async def scenario() -> None:
        async with one.running():
            await until_leads(work, "a")
            first = server.run(ends, name)
            lapsed = f"SELECT clock_timestamp() > '{first.partition('|')[0]}'"
            await until(lambda: server.run(lapsed, name) == "t")
            assert work.history == [("a", "begins")]
            assert one.leadership.term == 1

    run(scenario())


def test_the_lease_of_a_dead_node_lapses(address: str) -> None:
    work = Work()

    async def scenario() -> None:
        database = Database(address)
        await database.open()
        async with database.connection() as connection:
            sql = "SELECT s3gw.take_lease_1('dead', gen_random_uuid(), $1)"
            assert await connection.fetchval(sql, LEASE_S) == 1
        await database.close()
        async with Candidate("b", address, work).running():
            await until_leads(work, "b")

    run(scenario())


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_leader_that_is_cut_off_stops_before_the_next_one_begins(
    address: str, server: PostgresServer, is_silent: bool
) -> None:
    """`Work` fails where two work at once."""
    work = Work()

    async def scenario() -> None:
        proxy = LossyProxy(server.port, 0, lost=0, stopped=0)
        async with proxy.running():
            through = address.replace(str(server.port), str(proxy.port))
            one, other = Candidate("a", through, work), Candidate("b", address, work)
            async with one.running():
                await until_leads(work, "a")
                async with other.running():
                    proxy.fall_silent()
                    await until_leads(work, "b")
                    proxy.pass_on()
                    other.stop.set()
                    await until_leads(work, "a")

    run(scenario())
    expected = ["a", "a", "b", "b", "a", "a"]
    assert [node for node, _ in work.history] == expected


class Stubborn(Work):
    """Does not look whether it is time to stop, on one node."""

    async def do(self, node: str, work: StoppedWithin) -> None:
        async def never(_: float) -> bool:
            return await asyncio.Event().wait()

        await super().do(node, never if node == "a" else work)


def test_work_that_does_not_stop_is_cancelled_before_the_next_one_begins(
    address: str, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    work = Stubborn()

    async def scenario() -> None:
        proxy = LossyProxy(server.port, 0, lost=0, stopped=0)
        async with proxy.running():
            through = address.replace(str(server.port), str(proxy.port))
            one, other = Candidate("a", through, work), Candidate("b", address, work)
            async with one.running():
                await until_leads(work, "a")
                async with other.running():
                    proxy.fall_silent()
                    await until_leads(work, "b")
                    one.stop.set()
                    proxy.pass_on()

    run(scenario())
    assert [node for node, _ in work.history] == ["a", "a", "b", "b"]
    assert any("was cancelled" in record.message for record in caplog.records)


def test_a_lease_that_another_one_has_got_ends_the_work_at_once(
    address: str, server: PostgresServer
) -> None:
    """It cannot happen by itself; an operator may set the row."""
    name = address.rpartition("/")[2]
    work = Stubborn()
    one = Candidate("a", address, work, lease_s=NEVER_S)

    async def scenario() -> None:
        async with one.running():
            await until_leads(work, "a")
            server.run("UPDATE s3gw.leader SET term = 7, holder = gen_random_uuid()", name)
            await until(lambda: work.history == [("a", "begins"), ("a", "ends")])
            assert one.leadership.term == 0

    run(scenario())


def test_an_outage_of_the_database_is_waited_out(
    address: str, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work()
    one = Candidate("a", address, work)

    async def scenario() -> None:
        async with one.running():
            await until_leads(work, "a")
            server.send(signal.SIGSTOP)
            try:
                await until(lambda: not work.leading)
            finally:
                server.send(signal.SIGCONT)
            await until_leads(work, "a")
            assert one.leadership.term > 1

    run(scenario())
    away = [each for each in caplog.records if "cannot be asked" in each.message]
    assert len(away) == 1


def test_work_that_ends_by_itself_gives_the_lease_back_and_is_competed_for_again(
    address: str,
) -> None:
    terms: list[int] = []

    async def scenario() -> None:
        database = Database(address)
        await database.open()
        leadership = Leadership(database, "a", lease_s=NEVER_S, renew_s=RENEW_S)
        stop = asyncio.Event()

        async def work(_: StoppedWithin) -> None:
            terms.append(leadership.term)
            async with database.connection() as connection:
                sql = "SELECT expires > clock_timestamp() FROM s3gw.leader"
                assert await connection.fetchval(sql)
            if len(terms) == 2:
                stop.set()

        await leadership.run(work, stopped_by(stop))
        async with database.connection() as connection:
            sql = "SELECT expires = '-infinity' FROM s3gw.leader"
            assert await connection.fetchval(sql)
        await database.close()

    run(scenario())
    assert terms == [1, 2]


def test_what_the_work_raises_is_raised_and_the_lease_is_free(address: str) -> None:
    work = Work()

    async def fail(_: StoppedWithin) -> None:
        raise ValueError("broken")

    async def scenario() -> None:
        database = Database(address)
        await database.open()
        failing = Leadership(database, "a", lease_s=NEVER_S)
        with pytest.raises(ExceptionGroup) as raised:
            await failing.run(fail, stopped_by(asyncio.Event()))
        assert raised.group_contains(ValueError, match="broken")
        await database.close()
        async with Candidate("b", address, work).running():
            await until_leads(work, "b")

    run(scenario())


class Clock:
    """The clock of the boot, moved by a machine that was suspended."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def test_a_process_that_was_suspended_knows_that_its_lease_lapsed(address: str) -> None:
    """The loop's timers did not count meanwhile."""
    clock = Clock()
    answers: list[bool] = []

    async def scenario() -> None:
        database = Database(address)
        await database.open()
        leadership = Leadership(database, "a", lease_s=60, renew_s=20, now_ns=clock)
        stop = asyncio.Event()

        async def work(stopped_within: StoppedWithin) -> None:
            answers.append(await stopped_within(0))
            clock.ns += 41 * 10**9
            answers.append(await stopped_within(0))
            assert leadership.term == 0
            stop.set()

        await leadership.run(work, stopped_by(stop))
        await database.close()

    run(scenario())
    assert answers == [False, True]
