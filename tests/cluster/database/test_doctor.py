"""The doctor of a cluster's database, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.database.connecting import Database
from cluster.database.doctor import Patient, examine
from cluster.database.findings import Finding
from cluster.database.migrate import steps
from tests.cluster.coordination.nodes import Node, new_database, until
from tests.cluster.pgbouncer import pgbouncer
from tests.cluster.postgres import (
    HOST,
    STANDBY,
    USER,
    PostgresServer,
    replicated_pair,
    server_folder,
)
from tests.storage.event_loop import run

Pair = tuple[PostgresServer, PostgresServer]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with replicated_pair() as both:
        yield both


@pytest.fixture(scope="module")
def single() -> Iterator[PostgresServer]:
    """One server with the settings that PostgreSQL has by itself."""
    with server_folder("single") as folder:
        server = PostgresServer(folder, settings=())
        server.create()
        try:
            server.start()
            yield server
        finally:
            server.stop()


def found(address: str, direct: str = "", workers: int = 1) -> dict[str, Finding]:
    findings = run(examine(Patient(address, direct, workers)))
    assert len({each.name for each in findings}) == len(findings)
    assert all(each.found for each in findings)
    return {each.name: each for each in findings}


def grades(findings: dict[str, Finding], grade: str) -> set[str]:
    return {name for name, each in findings.items() if each.grade == grade}


async def opened(address: str) -> None:
    database = Database(address)
    await database.open()
    await database.close()


def test_a_pair_is_good(pair: Pair) -> None:
    primary, standby = pair
    run(opened(primary.address()))
    findings = found(f"postgresql://{USER}@{HOST}:{standby.port},{HOST}:{primary.port}/postgres")
    assert grades(findings, "bad") == set()
    assert findings["standby"].found == f"synchronous: {STANDBY}"
    assert findings["hosts"].found == (
        f"{HOST}:{standby.port} is a standby; {HOST}:{primary.port} takes writes"
    )
    # How the tests run servers.
    assert grades(findings, "weak") == {"durability", "checksums", "timeouts"}


def test_a_standby_that_is_gone_is_bad(pair: Pair) -> None:
    primary, standby = pair
    standby.stop()
    try:
        primary.run("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        findings = found(
            f"postgresql://{USER}@{HOST}:{standby.port},{HOST}:{primary.port}/postgres"
        )
        assert grades(findings, "bad") == {"standby"}
        assert findings["hosts"].grade == "weak"
    finally:
        standby.start()


def test_a_server_alone_is_weak(single: PostgresServer) -> None:
    before = found(single.address())
    assert grades(before, "bad") == set()
    assert grades(before, "weak") == {"standby", "checksums", "timeouts"}
    assert before["schema"].found.startswith("none yet")
    run(opened(single.address()))
    after = found(single.address())
    assert (after["jit"].found, after["schema"].found) == ("off", f"step {steps()[-1].number}")


def test_what_is_set_is_seen(single: PostgresServer) -> None:
    name = new_database(single).rpartition("/")[2]
    for setting in ("statement_timeout = '30s'", "synchronous_commit = off", "jit = on"):
        single.run(f"ALTER DATABASE {name} SET {setting}")
    address = single.address(name)
    assert grades(found(address), "bad") == {"timeouts", "commits"}
    assert grades(found(address, workers=16), "bad") == {"timeouts", "commits", "connections"}


def test_nodes_and_their_news_are_shown(single: PostgresServer, tmp_path: Path) -> None:
    address = new_database(single)

    async def followed() -> None:
        node = Node(address, tmp_path / "node-a")
        async with node.door() as door, node.following():
            await until(door.replica.is_current)

    run(followed())
    assert found(address)["nodes"].found.startswith("last news: node-a ")
    name = address.rpartition("/")[2]
    single.run("UPDATE s3gw.replicas SET seen = seen - interval '3 hours'", name)
    assert found(address)["nodes"].found == "no news from node-a for 3 h"


def test_a_pooler_is_seen(single: PostgresServer) -> None:
    run(opened(single.address()))
    with pgbouncer(single) as pooler:
        findings = found(pooler.address())
        assert grades(findings, "weak") >= {"pooling", "notifications"}
        assert grades(findings, "bad") == set()
        direct = found(pooler.address(), single.address())
        assert direct["notifications"].found == "by cluster.direct"
        both = found(pooler.address(), pooler.address())
        assert both["notifications"].grade == "weak"


def test_a_direct_address_leads_to_the_same_database(single: PostgresServer) -> None:
    run(opened(single.address()))
    for other in (new_database(single), f"postgresql://{USER}@{HOST}:1/postgres"):
        findings = found(single.address(), other)
        assert grades(findings, "bad") == {"notifications"}
    run(opened(other := new_database(single)))
    assert found(single.address(), other)["notifications"].grade == "bad"


def test_a_user_without_privileges_is_told(single: PostgresServer) -> None:
    address = new_database(single)
    run(opened(address))
    single.run("CREATE ROLE guest LOGIN")
    name = address.rpartition("/")[2]
    findings = found(single.address(name, "guest"))
    assert grades(findings, "bad") == {"privileges"}


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ann:s3cret@{HOST}:1,{HOST}:2/s3gw",
        f"postgresql://ann:s3/cret@{HOST}/s3gw",
        f"postgresql://ann:s3cret@{HOST}/s3gw?sslmode=verify-full&sslrootcert=/nowhere",
    ],
)
def test_a_database_that_cannot_be_reached_is_bad(address: str) -> None:
    findings = found(address)
    assert grades(findings, "bad") == {"hosts"}
    assert "cret" not in str(findings)


def test_a_standby_alone_takes_no_writes(pair: Pair) -> None:
    _, standby = pair
    findings = found(standby.address())
    assert (list(findings), findings["hosts"].grade) == (["hosts"], "bad")
