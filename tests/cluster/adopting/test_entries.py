"""Users, keys, settings and ended jobs become the cluster's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from cluster.adopting.adoption import adopt, rehearse
from cluster.adopting.errors import AdoptionRefused
from cluster.coordination import Put
from cluster.coordination.embedded import FILE_NAME, EmbeddedCoordination, prepare
from cluster.jobs.job import State
from cluster.store import Place
from storage.errors import Corrupt
from tests.cluster.adopting.adopt_child import killed_at
from tests.cluster.adopting.full_store import order
from tests.cluster.store.cluster_stores import Keeper
from tests.storage.event_loop import run

Keep = Callable[[], Keeper]

TRANSIENT = "/cluster/config/transient"
ENDED, RUNNING, WAITING = "ended-1", "running-1", "waiting-1"


def write(file: Path, entries: Mapping[str, bytes]) -> None:
    prepare(file)
    with closing(EmbeddedCoordination(file)) as coordination:
        for key, value in entries.items():
            run(coordination.transact([], [Put(key, value)]))


@pytest.fixture
def coordination(data: list[Path]) -> Path:
    file = data[0] / FILE_NAME
    users = {f"/auth/users/{number:03d}": b"{}" for number in range(300)}
    settings = {"/cluster/uuid": b"abc", "/cluster/config": b"{}", TRANSIENT: b"{}"}
    jobs = {
        f"/jobs/job/{ENDED}": b"{}",
        f"/jobs/state/{ENDED}": msgspec.json.encode(State(ended_ns=1)),
        f"/job-names/{ENDED}/0": b'["a"]',
        f"/jobs/job/{RUNNING}": b"{}",
        f"/jobs/state/{RUNNING}": msgspec.json.encode(State(starts=1)),
        f"/jobs/job/{WAITING}": b"{}",
        f"/job-names/{WAITING}/0": b'["a"]',
    }
    write(file, {**users, **settings, **jobs, "/auth/vault": b"x" * 900_000})
    return file


def entries_in(keeper: Keeper) -> dict[str, bytes]:
    rows = keeper.rows("SELECT key, value FROM s3gw.entries")
    return {key.decode(): value for key, value in rows}


def test_what_holds_on_moves(
    coordination: Path, data: list[Path], place: Place, keep: Keep
) -> None:
    done = run(adopt(order(data, place, coordination=coordination, unmoved=(TRANSIENT,))))
    assert done.jobs_left == (RUNNING, WAITING)
    assert done.entries == {
        "/auth/users": 300, "/auth/vault": 1, "/cluster/uuid": 1, "/cluster/config": 1,
        "/jobs/job": 1, "/jobs/state": 1, "/job-names": 1,
    }  # fmt: skip
    moved = entries_in(keep())
    assert len(moved) == 306
    assert TRANSIENT not in moved
    assert len(moved["/auth/vault"]) == 900_000
    assert not any(RUNNING in key or WAITING in key for key in moved)
    # Nodes that follow the log see each of them once.
    ((logged, revisions),) = keep().rows(
        "SELECT count(*), count(DISTINCT revision) FROM s3gw.entry_log"
    )
    assert (logged, revisions) == (306, 3)


def test_they_are_there_with_the_buckets_or_not_at_all(
    coordination: Path, data: list[Path], place: Place, keep: Keep
) -> None:
    ordered = order(data, place, coordination=coordination)
    killed_at("adopt_inside_publishing", data, place)
    assert entries_in(keep()) == {}
    assert run(adopt(ordered)).complete
    assert len(entries_in(keep())) == 307


def test_a_cluster_that_has_its_own_is_refused(
    coordination: Path, data: list[Path], place: Place, keep: Keep
) -> None:
    keeper = keep()
    sql = "SELECT s3gw.change_entries_1('{}', '{}', $1, $2, 0, NULL, 1000)"
    keeper.rows(sql, [b"/auth/users/ann", b"/auth/vault"], [b"1", b"2"])
    ordered = order(data, place, coordination=coordination)
    with pytest.raises(AdoptionRefused, match=r"1 below /auth/users, 1 below /auth/vault"):
        run(adopt(ordered))
    assert "--objects-only" in run(rehearse(ordered)).obstacles[0]
    assert keeper.rows("SELECT count(*) FROM s3gw.adoptions") == [(0,)]
    assert run(adopt(order(data, place))).entries == {}
    assert entries_in(keeper) == {"/auth/users/ann": b"1", "/auth/vault": b"2"}


def test_a_damaged_file_is_refused(
    coordination: Path, data: list[Path], place: Place, keep: Keep
) -> None:
    coordination.write_bytes(b"no database" * 1000)
    with pytest.raises(Corrupt):
        run(adopt(order(data, place, coordination=coordination)))
    assert keep().rows("SELECT count(*) FROM s3gw.adoptions") == [(0,)]
