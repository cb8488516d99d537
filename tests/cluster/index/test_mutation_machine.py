"""Any sequence of mutations does the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from cluster.database.connecting import Database
from tests.cluster.index.postgres_engine import Postgres
from tests.cluster.postgres import postgres
from tests.storage.event_loop import run
from tests.storage.index.engines import Engine
from tests.storage.index.test_mutation_machine import MutationMachine

SETTINGS = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with postgres() as server:
        opened = Database(server.address())
        run(opened.open())
        yield opened
        run(opened.close())


@pytest.mark.timeout(120)
def test_it_does_what_sqlite_does(database: Database) -> None:
    class Machine(MutationMachine):
        def other(self) -> Engine:
            return Postgres(database, self.clock)

    run_state_machine_as_test(Machine, settings=SETTINGS)
