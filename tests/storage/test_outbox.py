"""The durable queue that one process fills and another empties."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import Corrupt
from storage.outbox import BATCH_LIMIT, Outbox, Queue, Record, prepare, rebuild
from tests.storage.damage import flip
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock

LIMIT = 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(tmp_path / "outbox.db")
    return tmp_path / "outbox.db"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def outbox(path: Path, clock: FakeClock) -> Iterator[Outbox]:
    with closing(Outbox(path, limit_bytes=LIMIT, clock=clock)) as outbox:
        yield outbox


def bodies(outbox: Outbox, queue: str, limit: int = 1000) -> list[bytes]:
    return [record.body for record in run(outbox.read(queue, limit))]


def test_each_queue_is_read_in_the_order_of_appending(outbox: Outbox) -> None:
    run(outbox.append([Record("a", b"1"), Record("b", b"2"), Record("a", b"3")]))
    run(outbox.append([Record("a", b"4")]))
    assert bodies(outbox, "a") == [b"1", b"3", b"4"]
    assert bodies(outbox, "a", limit=2) == [b"1", b"3"]
    assert bodies(outbox, "b") == [b"2"]
    assert bodies(outbox, "c") == []


def test_what_was_appended_is_there_for_another_process(path: Path, outbox: Outbox) -> None:
    run(outbox.append([Record("a", b"1")]))
    prepare(path)
    with closing(Outbox(path, limit_bytes=LIMIT)) as other:
        assert bodies(other, "a") == [b"1"]
        run(other.append([Record("a", b"2")]))
    assert bodies(outbox, "a") == [b"1", b"2"]


def test_a_record_stays_until_it_is_dropped_and_its_id_is_never_used_again(outbox: Outbox) -> None:
    run(outbox.append([Record("a", b"1"), Record("a", b"2")]))
    first, second = run(outbox.read("a", 10))
    run(outbox.drop([second.id]))
    assert bodies(outbox, "a") == [b"1"]
    run(outbox.drop([first.id, second.id, 12345]))
    run(outbox.append([Record("a", b"3")]))
    (third,) = run(outbox.read("a", 10))
    assert third.id > second.id


def test_a_full_queue_refuses_and_the_others_do_not(outbox: Outbox) -> None:
    full = Record("a", b"x" * LIMIT)
    assert run(outbox.append([full, Record("a", b"y"), Record("b", b"z")])) == [True, False, True]
    assert run(outbox.append([Record("a", b"y")])) == [False]
    run(outbox.drop([run(outbox.read("a", 1))[0].id]))
    assert run(outbox.append([full])) == [True]


def test_queues_tell_what_waits_and_since_when(outbox: Outbox, clock: FakeClock) -> None:
    oldest_ns = clock.now_ns()
    run(outbox.append([Record("a", b"12"), Record("b", b"1")]))
    clock.advance_s(1)
    run(outbox.append([Record("a", b"345")]))
    run(outbox.drop([record.id for record in run(outbox.read("b", 10))]))
    assert run(outbox.queues()) == [Queue("a", 2, 5, oldest_ns)]


def test_many_that_append_at_once_are_each_answered(outbox: Outbox) -> None:
    async def append_all() -> list[list[bool]]:
        jobs = [outbox.append([Record("a" if n % 2 else "b", b"")]) for n in range(count)]
        return await asyncio.gather(*jobs)

    count = 2 * BATCH_LIMIT + 1
    assert run(append_all()) == [[True]] * count
    assert sum(queue.records for queue in run(outbox.queues())) == count


def test_a_caller_that_leaves_does_not_take_the_others_along(outbox: Outbox) -> None:
    async def leave_one() -> list[bool]:
        leaving = asyncio.ensure_future(outbox.append([Record("a", b"1")]))
        staying = asyncio.ensure_future(outbox.append([Record("a", b"2")]))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert run(leave_one()) == [True]


def test_the_file_gives_its_room_back(path: Path, outbox: Outbox) -> None:
    with closing(Outbox(path, limit_bytes=1 << 20)) as large:
        run(large.append([Record("a", b"x" * 1000) for _ in range(1000)]))
        run(large.checkpoint())
        assert path.stat().st_size > 1_000_000
        run(large.drop([record.id for record in run(large.read("a", 1000))]))
        run(large.checkpoint())
        assert path.stat().st_size < 100_000


def test_damage_is_found_and_never_delivered(path: Path) -> None:
    with closing(Outbox(path, limit_bytes=1 << 20)) as outbox:
        run(outbox.append([Record("a", b"x" * 3000) for _ in range(20)]))
        run(outbox.checkpoint())
    damaged = bytearray(path.read_bytes())
    damaged[damaged.rindex(b"xxx")] ^= 1
    path.write_bytes(damaged)
    with closing(Outbox(path, limit_bytes=1 << 20)) as outbox, pytest.raises(Corrupt):
        run(outbox.read("a", 100))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.booleans()), max_size=30))
def test_the_totals_are_those_of_a_list(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, bool]]
) -> None:
    path = tmp_path_factory.mktemp("outbox") / "outbox.db"
    prepare(path)
    model: dict[str, list[bytes]] = {"a": [], "b": []}
    with closing(Outbox(path, limit_bytes=LIMIT)) as outbox:
        for queue, size, drops in steps:
            fits = sum(map(len, model[queue])) + size <= LIMIT
            assert run(outbox.append([Record(queue, b"x" * size)])) == [fits]
            model[queue] += [b"x" * size] if fits else []
            if drops and model[queue]:
                run(outbox.drop([run(outbox.read(queue, 1))[0].id]))
                del model[queue][0]
        found = {queue.name: (queue.records, queue.bytes) for queue in run(outbox.queues())}
    sums = {name: (len(all_), sum(map(len, all_))) for name, all_ in model.items() if all_}
    assert found == sums


def test_a_damaged_file_is_refused_and_rebuilt(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    (tmp_path / "quarantine").mkdir()
    prepare(path)
    records = [Record("queue", bytes([number]) * 500) for number in range(40)]
    with closing(Outbox(path, limit_bytes=1 << 20)) as outbox:
        run(outbox.append(records))
    flip(path, 25)
    with pytest.raises(Corrupt):
        prepare(path)
    assert rebuild(path, tmp_path / "quarantine").lost == ()
    prepare(path)
    with closing(Outbox(path, limit_bytes=1 << 20)) as outbox:
        assert [each.body for each in run(outbox.read("queue", 100))] == [r.body for r in records]
        (queue,) = run(outbox.queues())
        assert (queue.records, queue.bytes) == (40, 20_000)
