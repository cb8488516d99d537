"""Access keys of users, and what is written of their use."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.coordination import Put
from cluster.coordination.embedded import EmbeddedCoordination
from s3gw.identity import keys, users
from s3gw.identity.directory import KeyFacts, StoredDirectory
from s3gw.identity.errors import LimitExceeded, NoSuchKey, NoSuchUser, Refused
from s3gw.identity.records import access_key_key
from s3gw.identity.vault import VaultError
from tests.identity.places import opened
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock


@pytest.fixture(autouse=True)
def ann(directory: StoredDirectory) -> None:
    run(users.add(directory, "ann"))


def is_good(directory: StoredDirectory, access_key: str) -> bool:
    run(directory.refresh())
    found = directory.key(access_key)
    return found is not None and found.enabled


def facts(directory: StoredDirectory, access_key: str) -> KeyFacts:
    run(directory.refresh())
    return next(each for each in directory.all_keys() if each.access_key == access_key)


def test_a_key_and_its_secret_are_known_to_every_process(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    made = run(keys.add(directory, "ann"))
    run(another.refresh())
    found = another.key(made.access_key)
    assert found == made
    assert made.access_key.startswith("AKIA")
    assert len(made.secret) == 40
    assert made.secret not in repr(made)


def test_a_secret_stands_nowhere(directory: StoredDirectory, path: Path) -> None:
    secret = run(keys.add(directory, "ann")).secret
    every = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"/auth/keys/AKIA" in every
    assert secret.encode() not in every


def test_a_key_that_is_disabled_is_so_for_every_process(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    key = run(keys.add(directory, "ann")).access_key
    assert is_good(another, key)
    run(keys.set_enabled(directory, key, enabled=False))
    assert not is_good(another, key)
    run(keys.set_enabled(directory, key, enabled=True))
    assert is_good(another, key)
    run(keys.remove(directory, key))
    assert another.key(key) is not None
    assert not is_good(another, key)
    assert another.key(key) is None


def test_a_user_has_so_many_keys_and_no_more(directory: StoredDirectory) -> None:
    made = [run(keys.add(directory, "ann")) for _ in range(keys.KEYS_OF_A_USER)]
    with pytest.raises(LimitExceeded):
        run(keys.add(directory, "ann"))
    with pytest.raises(LimitExceeded):
        run(keys.rotate(directory, made[0].access_key, 0))
    assert is_good(directory, made[0].access_key)
    run(keys.remove(directory, made[0].access_key))
    run(keys.add(directory, "ann"))


def test_what_is_asked_of_no_key_is_refused(directory: StoredDirectory) -> None:
    with pytest.raises(NoSuchUser):
        run(keys.add(directory, "bob"))
    for work in (
        keys.remove(directory, "AKIA"),
        keys.set_enabled(directory, "AKIA", enabled=True),
        keys.rotate(directory, "AKIA", 0),
    ):
        with pytest.raises(NoSuchKey, match="AKIA"):
            run(work)


def test_a_rotated_key_ends_at_once_or_after_its_grace(
    directory: StoredDirectory, another: StoredDirectory, clock: FakeClock
) -> None:
    first = run(keys.add(directory, "ann")).access_key
    second = run(keys.rotate(directory, first, 60)).access_key
    third = run(keys.rotate(directory, second, 0)).access_key
    assert [is_good(another, each) for each in (first, second, third)] == [True, False, True]
    clock.advance_s(59)
    assert is_good(another, first)
    clock.advance_s(1)
    assert [is_good(another, each) for each in (first, second, third)] == [False, False, True]
    assert facts(another, first).expires_s == directory.now_s()
    assert not facts(another, first).enabled
    assert {each.user for each in another.all_keys()} == {"ann"}


def test_a_second_rotation_never_lengthens_a_grace(
    directory: StoredDirectory, clock: FakeClock
) -> None:
    first = run(keys.add(directory, "ann")).access_key
    run(keys.rotate(directory, first, 60))
    run(keys.rotate(directory, first, 3600))
    clock.advance_s(60)
    assert not is_good(directory, first)


def test_a_key_that_has_ended_is_neither_rotated_nor_enabled(
    directory: StoredDirectory, clock: FakeClock
) -> None:
    first = run(keys.add(directory, "ann")).access_key
    run(keys.rotate(directory, first, 60))
    clock.advance_s(60)
    with pytest.raises(Refused, match="has expired"):
        run(keys.set_enabled(directory, first, enabled=True))
    with pytest.raises(Refused, match="make a new key"):
        run(keys.rotate(directory, first, 60))


def test_the_last_use_is_written_at_most_once_a_minute(
    directory: StoredDirectory, another: StoredDirectory, clock: FakeClock
) -> None:
    key = run(keys.add(directory, "ann")).access_key
    assert facts(another, key).last_used_s == 0
    directory.note_use(key)
    first_s = directory.now_s()
    clock.advance_s(5)
    run(directory.write_uses())
    assert facts(another, key).last_used_s == first_s
    clock.advance_s(54)
    another.note_use(key)
    run(another.write_uses())
    assert facts(directory, key).last_used_s == first_s
    clock.advance_s(1)
    another.note_use(key)
    run(another.write_uses())
    assert facts(directory, key).last_used_s == directory.now_s()


def test_the_use_of_a_key_that_is_gone_is_forgotten(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    key = run(keys.add(directory, "ann")).access_key
    another.note_use(key)
    run(keys.remove(directory, key))
    run(another.write_uses())
    run(directory.refresh())
    assert directory.snapshot.uses == {}


def test_many_uses_are_written(directory: StoredDirectory) -> None:
    names = [f"user-{number}" for number in range(20)]
    for name in names:
        run(users.add(directory, name))
    made = [run(keys.add(directory, name)).access_key for name in names for _ in range(8)]
    for key in made:
        directory.note_use(key)
    run(directory.write_uses())
    run(directory.refresh())
    assert {each.last_used_s for each in directory.all_keys()} == {directory.now_s()}


def test_a_secret_that_was_put_under_another_key_does_not_open(
    directory: StoredDirectory, path: Path
) -> None:
    first, second = (run(keys.add(directory, "ann")).access_key for _ in range(2))
    coordination = EmbeddedCoordination(path)
    entries, _ = run(coordination.range(access_key_key(first)))
    run(coordination.transact([], [Put(access_key_key(second), entries[0].value)]))
    coordination.close()
    run(directory.refresh())
    assert directory.key(first) is not None
    with pytest.raises(VaultError, match=second):
        directory.key(second)


def test_with_another_master_key_no_secret_opens(
    directory: StoredDirectory, path: Path, clock: FakeClock
) -> None:
    key = run(keys.add(directory, "ann")).access_key
    with opened(path, clock, master=bytes(32)) as other, pytest.raises(VaultError):
        other.key(key)
