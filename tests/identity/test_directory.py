"""What the directory keeps besides users, roles and keys, and how it keeps up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.coordination import KEPT_REVISIONS, Put
from cluster.coordination.embedded import EmbeddedCoordination
from s3gw.identity import clusters, revocation, roles, users
from s3gw.identity.clusters import Cluster
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import (
    BadName,
    ClusterExists,
    IdentityError,
    LimitExceeded,
    NoSuchCluster,
    RoleInUse,
)
from s3gw.identity.protocol import Role
from s3gw.identity.records import DamagedRecord
from s3gw.identity.vault import Vault
from tests.identity.places import CLUSTER, MASTER, made, new_store, opened
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock

TOKEN = "header.claims.signature"


def put(path: Path, *writes: Put) -> None:
    with closing(EmbeddedCoordination(path)) as coordination:
        for write in writes:
            run(coordination.transact([], [write]))


def test_a_revoked_token_is_so_for_every_process_and_after_a_restart(
    directory: StoredDirectory, another: StoredDirectory, path: Path, clock: FakeClock
) -> None:
    run(revocation.revoke(directory, TOKEN, directory.now_s() + 60))
    run(another.refresh())
    with opened(path, clock) as later:
        for each in (directory, another, later):
            assert each.is_revoked(TOKEN)
            assert not each.is_revoked(TOKEN + "x")


def test_a_revoked_token_itself_is_not_kept(directory: StoredDirectory, path: Path) -> None:
    run(revocation.revoke(directory, TOKEN, directory.now_s() + 60))
    every = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert TOKEN.encode() not in every


def test_what_has_expired_is_forgotten_with_time(
    directory: StoredDirectory, clock: FakeClock
) -> None:
    start_s = directory.now_s()
    for number in range(100):
        run(revocation.revoke(directory, f"token-{number}", start_s + 60))
    run(revocation.revoke(directory, "lasting", start_s + 3600))
    clock.advance_s(60)
    for number in range(2):
        run(revocation.revoke(directory, f"later-{number}", start_s + 3600))
    assert len(directory.snapshot.revoked) == 3
    assert directory.is_revoked("lasting")


def test_a_token_that_has_expired_need_not_be_revoked(directory: StoredDirectory) -> None:
    before = directory.snapshot.revision
    run(revocation.revoke(directory, TOKEN, directory.now_s()))
    assert directory.snapshot.revision == before


def test_so_many_tokens_are_revoked_and_no_more(
    directory: StoredDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "MAX_REVOKED", 1)
    run(revocation.revoke(directory, TOKEN, directory.now_s() + 60))
    with pytest.raises(LimitExceeded):
        run(revocation.revoke(directory, "another", directory.now_s() + 60))


def test_clusters_are_found_by_id_and_by_alias(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    first = Cluster("id-1", "east", ("https://east.example.com",))
    run(clusters.add(directory, first))
    run(another.refresh())
    assert clusters.find(another, "id-1") == clusters.find(another, "east") == first
    run(clusters.update(another, Cluster("id-1", "west")))
    run(directory.refresh())
    assert clusters.known(directory) == {"id-1": Cluster("id-1", "west")}
    with pytest.raises(NoSuchCluster):
        clusters.find(directory, "east")
    run(clusters.remove(directory, "id-1"))
    with pytest.raises(NoSuchCluster):
        run(clusters.remove(directory, "id-1"))
    with pytest.raises(NoSuchCluster):
        run(clusters.update(directory, first))


def test_two_clusters_share_no_name(directory: StoredDirectory) -> None:
    run(clusters.add(directory, Cluster("id-1", "east")))
    for double in (Cluster("id-1"), Cluster("id-2", "east"), Cluster("id-2", "id-1")):
        with pytest.raises(ClusterExists):
            run(clusters.add(directory, double))


@pytest.mark.parametrize(
    "cluster",
    [Cluster(""), Cluster("a b"), Cluster("a", "b/c"), Cluster("a", urls=("u",) * 17)],
)
def test_a_cluster_that_cannot_be_one_is_refused(
    directory: StoredDirectory, cluster: Cluster
) -> None:
    with pytest.raises((BadName, LimitExceeded)):
        run(clusters.add(directory, cluster))


def test_a_secret_of_the_server_is_the_same_for_all_and_made_once(
    directory: StoredDirectory, another: StoredDirectory, path: Path
) -> None:
    first = run(directory.secret("signing", lambda: b"first secret"))
    assert run(another.secret("signing", lambda: b"second secret")) == first == b"first secret"
    assert run(another.secret("sign", lambda: b"other")) == b"other"
    every = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"/auth/secrets/signing" in every
    assert b"first secret" not in every


def test_keys_for_different_purposes_have_nothing_in_common() -> None:
    vault = Vault(MASTER)
    assert vault.derive("sessions") == Vault(MASTER).derive("sessions")
    assert len({vault.derive("sessions"), vault.derive("others"), MASTER}) == 3


def test_who_was_away_for_long_reads_all(
    directory: StoredDirectory, another: StoredDirectory, path: Path
) -> None:
    run(users.add(directory, "ann"))
    run(another.refresh())
    run(users.remove(directory, "ann"))
    put(path, *(Put("/elsewhere", b"") for _ in range(KEPT_REVISIONS)))
    run(users.add(directory, "bob"))
    run(another.refresh())
    assert another.user("ann") is None
    assert another.user("bob") == made("bob")


def test_what_others_keep_beside_is_passed_over(directory: StoredDirectory, path: Path) -> None:
    put(path, Put("/auth/something/new", b"?"), Put("/auth/other", b"?"), Put("/elsewhere", b"?"))
    run(users.add(directory, "ann"))
    assert directory.user("ann") == made("ann")


@pytest.mark.parametrize(
    ("value", "says"), [(b"{", "damaged"), (b'{"format":2,"roles":[]}', "newer s3gw")]
)
def test_a_record_that_cannot_be_read_is_told_of(
    directory: StoredDirectory, path: Path, value: bytes, says: str
) -> None:
    put(path, Put("/auth/users/ann", value))
    for _ in range(2):
        with pytest.raises(DamagedRecord, match=f"/auth/users/ann.* {says}"):
            run(directory.refresh())


def test_many_that_change_at_once_all_succeed(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    async def add_all() -> None:
        work = (
            users.add(place, f"user-{number}-{index}")
            for number in range(20)
            for index, place in enumerate((directory, another))
        )
        await asyncio.gather(*work)

    run(add_all())
    run(directory.refresh())
    assert len(directory.all_users()) == 40


def test_of_two_that_contradict_each_other_one_is_refused(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    async def both() -> Sequence[object]:
        work = (users.add(directory, "ann", roles=["r"]), roles.remove(another, "r"))
        return await asyncio.gather(*work, return_exceptions=True)

    run(roles.add(directory, Role("r")))
    answers = run(both())
    run(directory.refresh())
    assert sum(isinstance(answer, IdentityError) for answer in answers) == 1
    assert (directory.role("r") is None) is (directory.user("ann") is None)


NAMES = st.sampled_from(["ann", "bob"])
ROLES = st.sampled_from(["r", "s"])
STEPS: st.SearchStrategy[tuple[str, str, list[str]]] = st.one_of(
    st.tuples(st.just("add"), NAMES, st.lists(ROLES, max_size=2)),
    st.tuples(st.just("remove"), NAMES, st.just([])),
    st.tuples(st.just("set"), NAMES, st.lists(ROLES, max_size=2)),
    st.tuples(st.just("role"), ROLES, st.just([])),
    st.tuples(st.just("no role"), ROLES, st.just([])),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=12))
def test_any_sequence_leaves_what_a_model_has(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[tuple[str, str, list[str]], bool]],
) -> None:
    """Two processes take turns as they like; a role that somebody has is always there."""
    path = new_store(tmp_path_factory.mktemp("identity"))
    people: dict[str, tuple[str, ...]] = {}
    known: set[str] = set()
    with opened(path, FakeClock()) as one, opened(path, FakeClock()) as two:
        for (what, name, given_roles), first in steps:
            place = one if first else two
            chosen = tuple(dict.fromkeys(given_roles))
            used = {role for mine in people.values() for role in mine}
            good = {
                "add": name not in people and set(chosen) <= known,
                "remove": name in people,
                "set": name in people and set(chosen) <= known,
                "role": name not in known,
                "no role": name in known and name not in used,
            }[what]
            try:
                run(_step(place, what, name, chosen))
            except IdentityError:
                assert not good
            else:
                assert good
                _follow(people, known, what, name, chosen)
        for place in (one, two):
            run(place.refresh())
            assert {each.name: each.roles for each in place.all_users()} == people
            assert {each.name for each in place.roles()[4:]} == known
            assert place.cluster_id == CLUSTER


async def _step(place: StoredDirectory, what: str, name: str, chosen: tuple[str, ...]) -> None:
    match what:
        case "add":
            await users.add(place, name, roles=chosen)
        case "remove":
            await users.remove(place, name)
        case "set":
            await users.set_roles(place, name, chosen)
        case "role":
            await roles.add(place, Role(name))
        case _:
            await roles.remove(place, name)


def _follow(
    people: dict[str, tuple[str, ...]],
    known: set[str],
    what: str,
    name: str,
    chosen: tuple[str, ...],
) -> None:
    match what:
        case "add" | "set":
            people[name] = chosen
        case "remove":
            del people[name]
        case "role":
            known.add(name)
        case _:
            known.remove(name)


def test_the_error_says_who_has_the_role() -> None:
    assert "in use by ann" in str(RoleInUse("r", ["ann"]))
