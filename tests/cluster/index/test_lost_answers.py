"""Answers to commits that are lost: what a client is told is what was done."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from cluster.database import committing
from cluster.database.connecting import Database
from cluster.index.committing import Committer
from storage.index.bucket_mutations import CreateBucket
from storage.index.versions import Bucket
from storage.values import BucketInfo
from tests.cluster.index.registers import Registers
from tests.cluster.lossy_proxy import LossyProxy
from tests.cluster.postgres import HOST, USER, PostgresServer, postgres
from tests.storage.event_loop import run


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


async def worked(port: int, seed: int) -> tuple[Registers, LossyProxy]:
    """Work through a link that loses answers, in a bucket of its own."""
    proxy = LossyProxy(port, seed, lost=25, stopped=10)
    async with proxy.running():
        direct = Database(f"postgresql://{USER}@{HOST}:{port}/postgres")
        await direct.open()
        info = BucketInfo(f"bucket-{uuid.uuid4()}", "owner", 0)
        bucket: Bucket = await Committer(direct).run(CreateBucket(info))
        await direct.close()
        database = Database(f"postgresql://{USER}@{HOST}:{proxy.port}/postgres")
        registers = Registers(database, Committer(database, patience_s=20), bucket)
        try:
            await registers.work(clients=8, names=6, operations=40, seed=seed)
        finally:
            await database.close()
    return registers, proxy


@pytest.mark.parametrize("seed", [1, 2])
def test_what_a_client_is_told_is_what_was_done(server: PostgresServer, seed: int) -> None:
    registers, proxy = run(worked(server.port, seed))
    assert proxy.answers_lost > 5
    assert proxy.commits_stopped > 2
    assert registers.broken() == []


def test_an_answer_that_is_guessed_is_seen(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checker would notice if a lost answer was taken for a failure."""

    async def failed(*_: object) -> bool:
        return False

    monkeypatch.setattr(committing, "resolve", failed)
    registers, proxy = run(worked(server.port, 1))
    assert proxy.answers_lost > 5
    assert registers.broken() != []
