"""Memory that is shared: nobody gets more than there is, and the clients take turns."""

from __future__ import annotations

import asyncio

import pytest

from s3gw.http.memory_room import Holding, Room, TooBusy
from tests.storage.event_loop import run


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_clients_take_turns() -> None:
    async def work() -> None:
        room, order = Room(10), []

        async def enter(client: str) -> None:
            holding = await room.enter(client, 10)
            order.append(client)
            await asyncio.sleep(0)
            holding.close()

        first = await room.enter("someone", 10)
        tasks = [asyncio.create_task(enter("many")) for _ in range(5)]
        await settled()
        tasks += [asyncio.create_task(enter(each)) for each in ("few", "one")]
        await settled()
        assert order == []
        first.close()
        await asyncio.gather(*tasks)
        assert order[:3] == ["many", "few", "one"]
        assert room.taken == 0

    run(work())


def test_one_client_leaves_half_of_it_to_others() -> None:
    async def work() -> None:
        room = Room(12)
        mine = [await room.enter("greedy", 2) for _ in range(3)]
        waiting = asyncio.create_task(room.enter("greedy", 2))
        await settled()
        assert not waiting.done()
        other = await room.enter("other", 6)
        assert room.taken == 12
        mine.pop().close()
        (await waiting).close()
        other.close()
        for each in mine:
            each.close()
        assert room.taken == 0

    run(work())


def test_nobody_reads_ahead_while_others_wait() -> None:
    async def work() -> None:
        room = Room(6)
        begun, other = await room.enter("a", 2), await room.enter("b", 2)
        assert begun.try_take(1)
        assert not begun.try_take(1)
        new = asyncio.create_task(room.enter("c", 3))
        await settled()
        begun.give(1)
        assert not begun.try_take(1)
        begun.close()
        (await new).close()
        other.close()
        assert room.taken == 0

    run(work())


def test_who_is_all_alone_may_have_more_than_there_is() -> None:
    async def work() -> None:
        room = Room(1)
        holding = await room.enter("a", 10)
        assert not holding.try_take(1)
        assert room.taken == 10
        holding.close()

    run(work())


@pytest.mark.parametrize(("longest", "patience_s"), [(0, 60.0), (10, 0.0)])
def test_the_queue_is_bounded_in_length_and_time(longest: int, patience_s: float) -> None:
    async def work() -> None:
        room = Room(1, longest, patience_s)
        holding = await room.enter("a", 1)
        with pytest.raises(TooBusy):
            await room.enter("b", 1)
        holding.close()
        (await room.enter("b", 1)).close()
        assert room.taken == 0

    run(work())


def test_who_gives_up_waiting_leaves_nothing_behind() -> None:
    async def work() -> None:
        room = Room(2)
        holding = await room.enter("a", 2)
        waiting = [asyncio.create_task(room.enter(each, 2)) for each in ("b", "c")]
        await settled()
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        holding.close()
        await settled()
        assert room.taken == 0
        (await room.enter("d", 2)).close()

    run(work())


def test_memory_that_is_forgotten_is_given_back() -> None:
    async def work() -> None:
        room = Room(2)
        holding: Holding | None = await room.enter("a", 2)
        assert room.taken == 2
        assert holding is not None
        holding = None
        assert room.taken == 0

    run(work())
