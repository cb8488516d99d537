"""Users: who they are, what they may do, how they log in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from s3gw.identity import keys, roles, users
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import (
    BadName,
    BadPassword,
    Busy,
    LimitExceeded,
    NoSuchRole,
    NoSuchUser,
    Reserved,
    UserExists,
)
from s3gw.identity.passwords import MAX_OF_ONE_CLIENT
from s3gw.identity.permissions import NO_PERMISSIONS, BucketName, Permissions
from s3gw.identity.protocol import Directory, Role, User
from s3gw.identity.rights import Access
from tests.identity.places import CLUSTER, made
from tests.storage.event_loop import run

PASSWORD = "correct horse"


def test_a_user_is_there_for_every_process_at_once(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    run(users.add(directory, "ann", roles=["Guest", "BucketOwner", "Guest"]))
    run(another.refresh())
    assert another.user("ann") == made("ann", ("Guest", "BucketOwner"))
    run(users.set_enabled(another, "ann", enabled=False))
    run(directory.refresh())
    assert directory.user("ann") == made("ann", ("Guest", "BucketOwner"), enabled=False)
    run(users.remove(directory, "ann"))
    run(another.refresh())
    assert another.user("ann") is None


def test_the_stored_directory_is_a_directory(directory: StoredDirectory) -> None:
    as_declared: Directory = directory
    assert as_declared.user("nobody") is None


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "../a", ".a", "-a", "a,b", "a" * 65, "é", "a\n", "a\0b"]
)
def test_a_name_that_cannot_be_one_is_refused(directory: StoredDirectory, name: str) -> None:
    with pytest.raises(BadName):
        run(users.add(directory, name))


def test_the_root_account_is_no_user(directory: StoredDirectory) -> None:
    with pytest.raises(Reserved):
        run(users.add(directory, "root"))


@pytest.mark.parametrize("name", ["a", "_", "a" * 64, "ann@example.com", "A.b-c_d+e=f"])
def test_a_name_that_can_be_one_is_taken(directory: StoredDirectory, name: str) -> None:
    run(users.add(directory, name))
    assert directory.user(name) == made(name)


def test_there_is_one_user_of_a_name(directory: StoredDirectory) -> None:
    run(users.add(directory, "ann"))
    with pytest.raises(UserExists):
        run(users.add(directory, "ann", password=PASSWORD))


def test_what_is_asked_of_nobody_is_refused(directory: StoredDirectory) -> None:
    for work in (
        users.remove(directory, "ann"),
        users.set_roles(directory, "ann", []),
        users.set_enabled(directory, "ann", enabled=True),
        users.set_password(directory, "ann", PASSWORD),
    ):
        with pytest.raises(NoSuchUser, match="ann"):
            run(work)


def test_a_role_that_is_not_there_is_refused_and_nothing_is_done(
    directory: StoredDirectory,
) -> None:
    run(users.add(directory, "ann", roles=["Guest"]))
    with pytest.raises(NoSuchRole, match="painter"):
        run(users.set_roles(directory, "ann", ["Guest", "painter"]))
    with pytest.raises(NoSuchRole):
        run(users.add(directory, "bob", roles=["painter"]))
    assert directory.user("ann") == made("ann", ("Guest",))
    assert directory.user("bob") is None


def test_a_user_has_so_many_roles_and_no_more(directory: StoredDirectory) -> None:
    names = [f"role-{number}" for number in range(users.ROLES_OF_A_USER + 1)]
    for name in names:
        run(roles.add(directory, Role(name)))
    run(users.add(directory, "ann", roles=names[1:]))
    with pytest.raises(LimitExceeded):
        run(users.set_roles(directory, "ann", names))


def test_there_are_so_many_users_and_no_more(
    directory: StoredDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "MAX_USERS", 1)
    run(users.add(directory, "ann"))
    with pytest.raises(LimitExceeded):
        run(users.add(directory, "bob"))


def test_a_user_may_do_what_any_role_allows(directory: StoredDirectory) -> None:
    run(roles.add(directory, Role("reads", permissions=_on("data", Access.GET))))
    run(roles.add(directory, Role("writes", permissions=_on("data", Access.PUT))))
    run(users.add(directory, "ann", roles=["reads", "writes"]))
    both = directory.permissions_of(User("ann", ("reads", "writes")))
    assert both.allow(Access.GET, CLUSTER, BucketName("data"))
    assert both.allow(Access.PUT, CLUSTER, BucketName("data"))
    assert not both.allow(Access.PUT, CLUSTER, BucketName("other"))
    run(users.set_roles(directory, "ann", ["reads"]))
    ann = directory.user("ann")
    assert ann is not None
    assert not directory.permissions_of(ann).allow(Access.PUT, CLUSTER, BucketName("data"))


def test_a_user_without_roles_may_do_nothing(directory: StoredDirectory) -> None:
    assert directory.permissions_of(User("ann")) == NO_PERMISSIONS


def test_who_has_the_password_logs_in(directory: StoredDirectory, another: StoredDirectory) -> None:
    run(users.add(directory, "ann", roles=["Guest"], password=PASSWORD))
    assert run(users.log_in(another, "ann", PASSWORD)) == made("ann", ("Guest",))
    assert run(users.log_in(another, "ann", PASSWORD + "!")) is None
    assert run(users.log_in(another, "ann", "x" * 5000)) is None
    assert run(users.log_in(another, "bob", PASSWORD)) is None
    run(users.set_password(directory, "ann", "another one"))
    assert run(users.log_in(another, "ann", PASSWORD)) is None
    assert run(users.log_in(another, "ann", "another one")) is not None


def test_who_is_disabled_or_has_no_password_does_not_log_in(directory: StoredDirectory) -> None:
    run(users.add(directory, "ann", password=PASSWORD))
    run(users.set_enabled(directory, "ann", enabled=False))
    run(users.add(directory, "bob"))
    assert run(users.log_in(directory, "ann", PASSWORD)) is None
    assert run(users.log_in(directory, "bob", "")) is None


@pytest.mark.parametrize("password", ["1234567", "é" * 513])
def test_a_password_has_a_length(directory: StoredDirectory, password: str) -> None:
    with pytest.raises(BadPassword):
        run(users.add(directory, "ann", password=password))
    assert directory.user("ann") is None


def test_a_password_stands_nowhere(directory: StoredDirectory, path: Path) -> None:
    run(users.add(directory, "ann", password=PASSWORD))
    assert _bytes_of(path).count(b"$argon2id$v=19$m=32768,t=2,p=1$") > 0
    assert PASSWORD.encode() not in _bytes_of(path)


def test_the_same_password_is_hashed_anew_for_each(directory: StoredDirectory) -> None:
    first, second = (run(directory.passwords.hash(PASSWORD)) for _ in range(2))
    assert first != second
    assert run(directory.passwords.verify(PASSWORD, first))
    assert run(directory.passwords.verify(PASSWORD, second))


def test_logins_wait_for_their_turn_and_not_too_many_do(directory: StoredDirectory) -> None:
    async def all_at_once() -> list[Any]:
        logins = (users.log_in(directory, "ann", PASSWORD) for _ in range(30))
        return await asyncio.gather(*logins, return_exceptions=True)

    answers = [type(answer).__name__ for answer in run(all_at_once())]
    assert answers.count("NoneType") == 16
    assert answers.count("Busy") == 14


def test_whoever_removes_a_user_removes_the_keys(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    run(users.add(directory, "ann"))
    run(users.add(directory, "bob"))
    mine = [run(keys.add(directory, "ann")).access_key for _ in range(keys.KEYS_OF_A_USER)]
    other = run(keys.add(directory, "bob")).access_key
    run(users.remove(another, "ann"))
    run(directory.refresh())
    assert [directory.key(key) for key in mine] == [None] * keys.KEYS_OF_A_USER
    assert directory.key(other) is not None


def _on(bucket: str, access: Access) -> Permissions:
    return Permissions(buckets={BucketName(bucket, cluster=CLUSTER): access.value})


def _bytes_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def test_one_client_does_not_keep_others_from_logging_in(directory: StoredDirectory) -> None:
    run(users.add(directory, "ann", password=PASSWORD))

    async def crowd() -> list[str]:
        async def attempt(client: str) -> str:
            try:
                found = await users.log_in(directory, "ann", PASSWORD, client)
            except Busy:
                return f"{client} busy"
            return f"{client} {found is not None}"

        many = (attempt("many") for _ in range(30))
        return await asyncio.gather(*many, attempt("other"))

    answers = run(crowd())
    assert answers[-1] == "other True"
    assert answers.count("many busy") == 30 - MAX_OF_ONE_CLIENT
