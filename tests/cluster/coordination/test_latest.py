"""Readers that need the last word ask the database together, and do not wait for long."""

from __future__ import annotations

import asyncio

from cluster.coordination import Put
from cluster.coordination.latest import Latest
from cluster.coordination.memory import MemoryCoordination


class Slow(MemoryCoordination):
    """Another node's writes are readable after a round, which ends when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()

    async def catch_up(self) -> None:
        self.rounds += 1
        self.began.set()
        await self.may_end.wait()


async def _asked_together(store: Slow, readers: int) -> None:
    latest = Latest(store)
    first = asyncio.create_task(latest.wait())
    await store.began.wait()
    others = [asyncio.create_task(latest.wait()) for _ in range(readers)]
    await asyncio.sleep(0)
    store.may_end.set()
    await asyncio.gather(first, *others)


def test_those_who_ask_during_a_round_share_the_next() -> None:
    async def run() -> None:
        store = Slow()
        await _asked_together(store, 50)
        # What is under way may have read before they asked.
        assert store.rounds == 2

    asyncio.run(run())


def test_a_database_that_does_not_answer_is_not_waited_for() -> None:
    async def run() -> None:
        store = Slow()
        await store.transact([], [Put("/known", b"1")])
        await asyncio.wait_for(Latest(store, within_s=0.05).wait(), 10)
        assert [each.key for each in (await store.range("/"))[0]] == ["/known"]

    asyncio.run(run())


def test_a_round_that_was_given_up_answers_nobody() -> None:
    async def run() -> None:
        store = Slow()
        latest = Latest(store, within_s=30)
        first = asyncio.create_task(latest.wait())
        await store.began.wait()
        second = asyncio.create_task(latest.wait())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        store.may_end.set()
        await second
        assert store.rounds == 2

    asyncio.run(run())


def test_rounds_for_what_nobody_knows_are_apart() -> None:
    async def run() -> None:
        store = Slow()
        store.may_end.set()
        latest = Latest(store, pause_s=3600, within_s=0.05)
        for _ in range(3):
            await latest.wait()
        assert store.rounds == 1

    asyncio.run(run())
