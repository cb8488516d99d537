"""Queues in the database: they are the same on all nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cluster.database.connecting import Database
from cluster.outbox import PostgresOutbox
from storage.errors import DatabaseUnavailable
from storage.outbox import Record
from tests.cluster.lossy_proxy import LossyProxy
from tests.cluster.postgres import PostgresServer, postgres
from tests.storage.contract_outbox import LIMIT, OutboxContract, bodies
from tests.storage.event_loop import run


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


@pytest.fixture
def address(server: PostgresServer, request: pytest.FixtureRequest) -> str:
    name = f"test_{abs(hash(request.node.nodeid))}"
    server.run(f"CREATE DATABASE {name}")
    return server.address(name)


@pytest.fixture
def outbox(address: str) -> Iterator[PostgresOutbox]:
    database = Database(address)
    run(database.open())
    made = PostgresOutbox(database, "events", limit_bytes=LIMIT)
    yield made
    run(made.close())


class TestPostgresOutbox(OutboxContract):
    pass


def test_nodes_share_a_box_and_boxes_share_nothing(outbox: PostgresOutbox, address: str) -> None:
    other = PostgresOutbox(Database(address), "events", limit_bytes=LIMIT)
    lines = PostgresOutbox(Database(address), "lines", limit_bytes=LIMIT)
    try:
        run(outbox.append([Record("a", b"1")]))
        run(other.append([Record("a", b"2")]))
        assert bodies(outbox, "a") == bodies(other, "a") == [b"1", b"2"]
        assert run(lines.queues()) == []
        run(lines.drop([each.id for each in run(outbox.read("a", 10))]))
        assert bodies(other, "a") == [b"1", b"2"]
    finally:
        run(other.close())
        run(lines.close())


def test_more_than_one_transaction_takes_keeps_its_order(address: str) -> None:
    database = Database(address)
    run(database.open())
    outbox = PostgresOutbox(database, "events", limit_bytes=1 << 30)
    records = [Record("a", b"%d" % number) for number in range(5_000)]
    try:
        assert run(outbox.append(records)) == [True] * len(records)
        assert bodies(outbox, "a", len(records)) == [record.body for record in records]
    finally:
        run(outbox.close())


def test_records_of_many_queues_are_appended_at_once(address: str) -> None:
    database = Database(address)
    run(database.open())
    outbox = PostgresOutbox(database, "lines", limit_bytes=1 << 30)
    records = [Record(f"{number % 1000:04}", b"%d" % number) for number in range(2_000)]
    try:
        assert run(outbox.append(records)) == [True] * len(records)
        assert bodies(outbox, "0007") == [b"7", b"1007"]
        waiting = run(outbox.queues())
        assert (len(waiting), {queue.records for queue in waiting}) == (1000, {2})
    finally:
        run(outbox.close())


def test_a_lost_answer_neither_loses_nor_repeats_a_record(
    outbox: PostgresOutbox, server: PostgresServer, address: str
) -> None:
    async def append_all() -> LossyProxy:
        proxy = LossyProxy(server.port, 1, lost=25, stopped=10)
        async with proxy.running():
            database = Database(address.replace(f":{server.port}/", f":{proxy.port}/"))
            through = PostgresOutbox(database, "events", limit_bytes=LIMIT, patience_s=20)
            try:
                for number in range(40):
                    assert await through.append([Record("a", b"%d" % number)]) == [True]
            finally:
                await through.close()
        return proxy

    proxy = run(append_all())
    assert proxy.answers_lost > 2
    assert proxy.commits_stopped > 1
    assert bodies(outbox, "a") == [b"%d" % number for number in range(40)]


def test_without_the_database_an_append_is_refused(address: str) -> None:
    away = Database(address.rpartition("/")[0] + "/missing")
    outbox = PostgresOutbox(away, "events", limit_bytes=LIMIT, patience_s=0)

    async def refused() -> None:
        with pytest.raises(DatabaseUnavailable):
            await asyncio.gather(outbox.append([Record("a", b"1")]), outbox.queues())

    run(refused())
    run(outbox.close())
