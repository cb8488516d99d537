"""`s3gw cluster doctor`: the table, the document, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import CommandLine
from tests.cluster.postgres import HOST, USER, PostgresServer, replicated_pair

_NOBODY = f"postgresql://ann:s3cret@{HOST}:1/s3gw"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    with replicated_pair() as both:
        yield both


@pytest.fixture
def address(pair: tuple[PostgresServer, PostgresServer]) -> str:
    primary, standby = pair
    return f"postgresql://{USER}:s3cret@{HOST}:{standby.port},{HOST}:{primary.port}/postgres"


def test_the_table_says_what_was_found_and_what_to_do(offline: CommandLine, address: str) -> None:
    shown = offline.good("cluster", "doctor", "--cluster", address).out
    head, *_ = shown.splitlines()
    assert head.split() == ["CHECK", "GRADE", "FOUND"]
    assert "standby        ok     synchronous: standby\n" in shown
    assert "\nWhat to do:\n  durability: set full_page_writes = on" in shown
    assert " 0 bad\n" in shown
    assert "s3cret" not in shown


def test_programs_get_a_document(
    offline: CommandLine, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3GW_CLUSTER_DATABASE", address)
    told = offline.json("cluster", "doctor")
    assert told["bad"] == 0
    grades = {each["name"]: each["grade"] for each in told["findings"]}
    assert (grades["hosts"], grades["durability"]) == ("ok", "weak")
    assert told["weak"] == list(grades.values()).count("weak")


def test_the_workers_of_the_configuration_are_counted(offline: CommandLine, address: str) -> None:
    result = offline("cluster", "doctor", "--cluster", address, "--workers", "64")
    assert result.code == 1
    assert "1 node of 64 workers need 386" in result.out
    assert result.out.index("  connections: raise max_conn") < result.out.index("  durability: ")


def test_a_database_that_is_away_is_bad(offline: CommandLine) -> None:
    result = offline("cluster", "doctor", "--cluster", _NOBODY)
    assert result.code == 1
    assert f"bad    {HOST}:1 cannot be reached" in result.out
    assert "s3cret" not in result.out + result.err


def test_a_machine_without_a_cluster_has_nothing_to_examine(offline: CommandLine) -> None:
    assert "give --cluster URL" in offline.refused("cluster", "doctor", code=2)
