"""Gateways that are killed or frozen, and a database that goes away, under load."""

from __future__ import annotations

import os
import signal

import pytest

from tests.cluster.gateways.conftest import Pair
from tests.cluster.gateways.writers import Writer, read_back
from tests.cluster.postgres import PostgresServer
from tests.server_process import eventually


@pytest.fixture
def bucket(pair: Pair, request: pytest.FixtureRequest) -> str:
    name = str(request.node.name).replace("_", "-").replace("[", "-").strip("]")[:60].strip("-")
    pair.other.client().create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("size", [100, 200_000])
def test_what_a_killed_gateway_has_acknowledged_is_read_from_the_other(
    pair: Pair, bucket: str, size: int
) -> None:
    writer = Writer(pair.one, bucket, "w", size)
    with writer.running():
        pair.one.kill9_all()
    read_back(pair.other, bucket, writer)
    pair.one.start()
    read_back(pair.one, bucket, writer)


def test_a_frozen_gateway_is_in_nobodys_way(pair: Pair, bucket: str) -> None:
    """Its locks in the database end with the time that a transaction may idle."""
    frozen, writer = Writer(pair.one, bucket, "same", 100), Writer(pair.other, bucket, "same", 100)
    with frozen.running():
        pids = pair.one.worker_pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            with writer.running():
                writer.progress()
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        frozen.progress()
    assert not writer.errors
    assert not frozen.errors
    read_back(pair.one, bucket, writer, frozen)


def test_an_outage_of_the_database_costs_a_client_no_error(
    pair: Pair, bucket: str, server: PostgresServer
) -> None:
    writers = [
        Writer(pair.one, bucket, "one", 100),
        Writer(pair.other, bucket, "other", 100_000),
    ]
    with writers[0].running(), writers[1].running():
        server.kill()
        seen = [writer.attempts for writer in writers]
        eventually(
            lambda: all(w.attempts == len(w.acknowledged) + len(w.errors) + 1 for w in writers),
            "every client waits",
        )
        assert all(now.attempts <= before + 1 for now, before in zip(writers, seen, strict=True))
        server.start()
        for writer in writers:
            writer.progress()
    assert not [error for writer in writers for error in writer.errors]
    read_back(pair.other, bucket, writers[0])
    read_back(pair.one, bucket, writers[1])
