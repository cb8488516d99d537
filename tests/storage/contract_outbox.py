"""What every outbox does, in a file or in a database."""

from __future__ import annotations

import asyncio
import random

from storage.outbox import BATCH_LIMIT, Outbox, Queue, Record
from tests.storage.event_loop import run

LIMIT = 100


def bodies(outbox: Outbox, queue: str, limit: int = 1000) -> list[bytes]:
    return [record.body for record in run(outbox.read(queue, limit))]


class OutboxContract:
    """Subclass it with a fixture `outbox` whose queues take `LIMIT` bytes."""

    def test_each_queue_is_read_in_the_order_of_appending(self, outbox: Outbox) -> None:
        run(outbox.append([Record("a", b"1"), Record("b", b"2"), Record("a", b"3")]))
        run(outbox.append([Record("a", b"4")]))
        assert bodies(outbox, "a") == [b"1", b"3", b"4"]
        assert bodies(outbox, "a", limit=2) == [b"1", b"3"]
        assert bodies(outbox, "b") == [b"2"]
        assert bodies(outbox, "c") == []

    def test_a_record_stays_until_it_is_dropped_and_its_id_is_never_used_again(
        self, outbox: Outbox
    ) -> None:
        run(outbox.append([Record("a", b"1"), Record("a", b"2")]))
        first, second = run(outbox.read("a", 10))
        run(outbox.drop([second.id]))
        assert bodies(outbox, "a") == [b"1"]
        run(outbox.drop([first.id, second.id, 12345]))
        run(outbox.append([Record("a", b"3")]))
        (third,) = run(outbox.read("a", 10))
        assert third.id > second.id

    def test_a_full_queue_refuses_and_the_others_do_not(self, outbox: Outbox) -> None:
        full = Record("a", b"x" * LIMIT)
        assert run(outbox.append([full, Record("a", b"y"), Record("b", b"z")])) == [
            True,
            False,
            True,
        ]
        assert run(outbox.append([Record("a", b"y")])) == [False]
        run(outbox.drop([run(outbox.read("a", 1))[0].id]))
        assert run(outbox.append([full])) == [True]

    def test_queues_tell_what_waits_and_since_when(self, outbox: Outbox) -> None:
        run(outbox.append([Record("a", b"12"), Record("b", b"1")]))
        run(outbox.append([Record("a", b"345")]))
        run(outbox.drop([record.id for record in run(outbox.read("b", 10))]))
        first, second = run(outbox.read("a", 10))
        assert first.time_ns <= second.time_ns
        assert run(outbox.queues()) == [Queue("a", 2, 5, first.time_ns)]

    def test_many_that_append_at_once_are_each_answered(self, outbox: Outbox) -> None:
        async def append_all() -> list[list[bool]]:
            jobs = [outbox.append([Record("a" if n % 2 else "b", b"")]) for n in range(count)]
            return await asyncio.gather(*jobs)

        count = 2 * BATCH_LIMIT + 1
        assert run(append_all()) == [[True]] * count
        assert sum(queue.records for queue in run(outbox.queues())) == count

    def test_a_caller_that_leaves_does_not_take_the_others_along(self, outbox: Outbox) -> None:
        async def leave_one() -> list[bool]:
            leaving = asyncio.ensure_future(outbox.append([Record("a", b"1")]))
            staying = asyncio.ensure_future(outbox.append([Record("a", b"2")]))
            await asyncio.sleep(0)
            leaving.cancel()
            return await staying

        assert run(leave_one()) == [True]

    def test_the_totals_are_those_of_a_list(self, outbox: Outbox) -> None:
        model: dict[str, list[bytes]] = {"a": [], "b": []}
        steps = random.Random(5)
        for _ in range(120):
            queue, size = steps.choice("ab"), steps.randrange(40)
            fits = sum(map(len, model[queue])) + size <= LIMIT
            assert run(outbox.append([Record(queue, b"x" * size)])) == [fits]
            model[queue] += [b"x" * size] if fits else []
            if model[queue] and steps.random() < 0.4:
                run(outbox.drop([run(outbox.read(queue, 1))[0].id]))
                del model[queue][0]
        found = {queue.name: (queue.records, queue.bytes) for queue in run(outbox.queues())}
        sums = {name: (len(all_), sum(map(len, all_))) for name, all_ in model.items() if all_}
        assert found == sums
