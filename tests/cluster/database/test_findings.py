"""What facts about a database are worth: both sides of each limit."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from cluster.database.doctor import judge_hosts
from cluster.database.facts import Facts, NodeNews, Standby
from cluster.database.findings import (
    AGING,
    LONGEST_OPEN_S,
    LONGEST_SKEW_S,
    NEWS_S,
    TOO_OLD,
    Finding,
    judge,
)
from cluster.database.migrate import OLDEST_MAJOR, steps
from cluster.database.primary import HostState, Standing

SETTINGS = {
    "synchronous_standby_names": "standby",
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "data_checksums": "on",
    "max_connections": "100",
    "superuser_reserved_connections": "3",
    "autovacuum": "on",
    "track_counts": "on",
    "idle_in_transaction_session_timeout": "60000",
    "statement_timeout": "0",
    "jit": "off",
}
GOOD = Facts(
    version="15.4",
    major=15,
    schema=steps()[-1].number,
    may_create=True,
    settings=SETTINGS,
    standbys=[Standby("standby", "sync")],
    nodes=[NodeNews("a", 0.5, 0), NodeNews("b", 0.9, 2)],
)
NEWEST = steps()[-1].number
SINGLE = {"synchronous_standby_names": ""}


def found(
    name: str, *, workers: int = 4, settings: dict[str, str] | None = None, **facts: Any
) -> Finding:
    """The finding of that name, where these facts and settings are others than good ones."""
    changed = replace(GOOD, settings={**SETTINGS, **(settings or {})}, **facts)
    (finding,) = [each for each in judge(changed, workers) if each.name == name]
    return finding


def test_a_good_database_is_good() -> None:
    assert [each.name for each in judge(GOOD, 4) if each.grade != "ok" or each.advice] == []


@pytest.mark.parametrize(
    ("name", "facts", "grade"),
    [
        ("version", {"major": OLDEST_MAJOR}, "ok"),
        ("version", {"major": OLDEST_MAJOR - 1}, "bad"),
        ("schema", {"schema": NEWEST + 1}, "bad"),
        ("schema", {"schema": 0}, "ok"),
        ("schema", {"schema": 0, "may_create": False}, "bad"),
        ("schema", {"may_create": False}, "ok"),
        ("standby", {"standbys": []}, "bad"),
        ("standby", {"standbys": [Standby("x", "async")]}, "bad"),
        ("standby", {"standbys": [Standby("x", "potential"), Standby("y", "quorum")]}, "ok"),
        ("standby", {"standbys": [Standby("?", "")]}, "weak"),
        ("standby", {"standbys": [], "settings": SINGLE}, "weak"),
        ("standby", {"standbys": [Standby("x", "async")], "settings": SINGLE}, "weak"),
        ("commits", {"settings": {"synchronous_commit": "off"}}, "bad"),
        ("commits", {"settings": {"synchronous_commit": "local"}}, "weak"),
        ("commits", {"settings": {"synchronous_commit": "remote_write"}}, "weak"),
        ("commits", {"settings": {"synchronous_commit": "remote_apply"}}, "ok"),
        ("durability", {"settings": {"fsync": "off"}}, "bad"),
        ("durability", {"settings": {"full_page_writes": "off"}}, "weak"),
        ("checksums", {"settings": {"data_checksums": "off"}}, "weak"),
        ("clock", {"ahead_s": LONGEST_SKEW_S, "unsure_s": 0.0}, "ok"),
        ("clock", {"ahead_s": LONGEST_SKEW_S + 0.1, "unsure_s": 0.05}, "weak"),
        ("clock", {"ahead_s": -LONGEST_SKEW_S - 0.1, "unsure_s": 0.05}, "weak"),
        ("clock", {"ahead_s": LONGEST_SKEW_S + 0.1, "unsure_s": 0.2}, "ok"),
        ("autovacuum", {"settings": {"autovacuum": "off"}}, "bad"),
        ("autovacuum", {"settings": {"track_counts": "off"}}, "bad"),
        ("autovacuum", {"neglected": ["objects"]}, "weak"),
        ("freezing", {"frozen_age": AGING}, "ok"),
        ("freezing", {"frozen_age": AGING + 1}, "weak"),
        ("freezing", {"frozen_age": TOO_OLD + 1}, "bad"),
        ("transactions", {"oldest_open_s": LONGEST_OPEN_S}, "ok"),
        ("transactions", {"oldest_open_s": LONGEST_OPEN_S + 1}, "weak"),
        ("slots", {"idle_slots": ["gone"]}, "weak"),
        ("timeouts", {"settings": {"idle_in_transaction_session_timeout": "0"}}, "weak"),
        ("timeouts", {"settings": {"statement_timeout": "30000"}}, "bad"),
        ("timeouts", {"settings": {"transaction_timeout": "30000"}}, "bad"),
        ("jit", {"settings": {"jit": "on"}}, "weak"),
        ("jit", {"settings": {"jit": "on"}, "schema": 0}, "ok"),
        ("tls", {"stays_here": False, "security": "verify-full"}, "ok"),
        ("tls", {"stays_here": False, "security": "verify-ca"}, "ok"),
        ("tls", {"stays_here": False, "security": "require"}, "weak"),
        ("tls", {"stays_here": False, "security": "prefer", "is_encrypted": True}, "weak"),
        ("tls", {"stays_here": True, "security": "disable"}, "ok"),
        ("pooling", {"is_pooled": True}, "ok"),
        ("pooling", {"is_pooled": True, "keeps_statements": False}, "weak"),
        ("nodes", {"nodes": []}, "ok"),
        ("nodes", {"nodes": [NodeNews("a", NEWS_S, 0)]}, "ok"),
        ("nodes", {"nodes": [NodeNews("a", NEWS_S + 1, 0)]}, "weak"),
        # Two nodes of four workers need 52.
        ("connections", {"others": 45}, "ok"),
        ("connections", {"others": 46}, "bad"),
        ("connections", {"others": 46, "is_pooled": True}, "ok"),
        ("connections", {"others": 46, "nodes": [NodeNews("a", 1.0, 0)]}, "ok"),
        ("connections", {"settings": {"reserved_connections": "46"}}, "bad"),
    ],
)  # fmt: skip
def test_each_limit_has_two_sides(name: str, facts: dict[str, Any], grade: str) -> None:
    finding = found(name, **facts)
    assert finding.grade == grade
    assert bool(finding.advice) == (grade != "ok")


def test_what_is_found_is_said() -> None:
    assert found("nodes", nodes=[NodeNews("far", 7_300.0, 0)]).found == "no news from far for 2 h"
    assert "encrypted, and not verified" in found("tls", stays_here=False, security="require").found
    hidden = found("tls", stays_here=False, security="prefer", is_encrypted=True, is_pooled=True)
    assert hidden.found == "sslmode = prefer: not encrypted"
    assert found("clock", ahead_s=2.5).found == "2.500 s behind the database's"
    assert "2 nodes of 4 workers need 52" in found("connections").found


@pytest.mark.parametrize(
    ("standings", "grade"),
    [
        ([Standing.PRIMARY], "ok"),
        ([Standing.PRIMARY, Standing.STANDBY], "ok"),
        ([Standing.AWAY, Standing.PRIMARY], "weak"),
        ([Standing.PRIMARY, Standing.REFUSES], "weak"),
        ([Standing.PRIMARY, Standing.PRIMARY], "bad"),
        ([Standing.STANDBY, Standing.AWAY], "bad"),
    ],
)
def test_one_host_is_the_primary(standings: list[Standing], grade: str) -> None:
    ill = (Standing.AWAY, Standing.REFUSES)
    states = [
        HostState(f"db{number}:5432", standing, "it says so" if standing in ill else "")
        for number, standing in enumerate(standings)
    ]
    finding: Finding = judge_hosts(states)
    assert finding.grade == grade
    assert all(f"{state.host} {state.standing.value}" in finding.found for state in states)
