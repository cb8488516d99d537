"""Creation, change and login of users."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from cluster.coordination import Delete, Put
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import LimitExceeded, NoSuchRole, NoSuchUser, UserExists
from s3gw.identity.names import check_user_name
from s3gw.identity.protocol import User
from s3gw.identity.records import (
    UserRecord,
    access_key_key,
    encode,
    new_incarnation,
    use_key,
    user_key,
)
from s3gw.identity.snapshot import Snapshot

MAX_USERS = 10_000
ROLES_OF_A_USER = 32


async def add(
    directory: StoredDirectory, name: str, *, roles: Sequence[str] = (), password: str = ""
) -> None:
    """Create a user, who cannot log in without a password.

    Raises `UserExists`, `NoSuchRole`, `BadName`, `Reserved`, `BadPassword` and `LimitExceeded`.
    """
    check_user_name(name)
    hashed = await directory.passwords.hash(password) if password else ""
    chosen = tuple(dict.fromkeys(roles))
    record = UserRecord(
        roles=chosen,
        password=hashed,
        created_s=directory.now_s(),
        incarnation=new_incarnation(),
    )

    def edit(now: Snapshot) -> list[Put | Delete]:
        if name in now.users:
            raise UserExists(name)
        if len(now.users) >= MAX_USERS:
            raise LimitExceeded(f"There are {MAX_USERS} users: remove one first.")
        _check_roles(directory, chosen)
        return [Put(user_key(name), encode(record))]

    await directory.change(edit)


async def set_roles(directory: StoredDirectory, name: str, roles: Sequence[str]) -> None:
    """Replace the user's roles. Raises `NoSuchUser`, `NoSuchRole` and `LimitExceeded`."""
    chosen = tuple(dict.fromkeys(roles))

    def edit(now: Snapshot) -> list[Put | Delete]:
        _check_roles(directory, chosen)
        return _changed(now, name, lambda user: msgspec.structs.replace(user, roles=chosen))

    await directory.change(edit)


async def set_password(directory: StoredDirectory, name: str, password: str) -> None:
    """Set the user's password. Raises `NoSuchUser`, `BadPassword` and `Busy`."""
    hashed = await directory.passwords.hash(password)
    await directory.change(
        lambda now: _changed(now, name, lambda user: msgspec.structs.replace(user, password=hashed))
    )


async def set_enabled(directory: StoredDirectory, name: str, *, enabled: bool) -> None:
    """Enable or disable a user. A disabled user cannot log in, and their keys and tokens are
    refused. Raises `NoSuchUser`."""
    await directory.change(
        lambda now: _changed(now, name, lambda user: msgspec.structs.replace(user, enabled=enabled))
    )


async def remove(directory: StoredDirectory, name: str) -> None:
    """Remove the user and all of their keys. Raises `NoSuchUser`."""

    def edit(now: Snapshot) -> list[Put | Delete]:
        if name not in now.users:
            raise NoSuchUser(name)
        keys = now.keys_of(name)
        uses = [Delete(use_key(key)) for key in keys]
        return [Delete(user_key(name)), *(Delete(access_key_key(key)) for key in keys), *uses]

    await directory.change(edit)


async def log_in(
    directory: StoredDirectory, name: str, password: str, client: str = ""
) -> User | None:
    """Return the user, if the name exists, is enabled and has that password. `client` is the
    address that asks. Raises `Busy`."""
    await directory.refresh()
    record = directory.snapshot.users.get(name)
    stored = record.password if record else ""
    if not await directory.passwords.verify(password, stored, client):
        return None
    user = directory.user(name)
    return user if user is not None and user.enabled else None


def _changed(
    now: Snapshot, name: str, change: Callable[[UserRecord], UserRecord]
) -> list[Put | Delete]:
    found = now.users.get(name)
    if found is None:
        raise NoSuchUser(name)
    return [Put(user_key(name), encode(change(found)))]


def _check_roles(directory: StoredDirectory, names: Sequence[str]) -> None:
    if len(names) > ROLES_OF_A_USER:
        raise LimitExceeded(f"A user has at most {ROLES_OF_A_USER} roles.")
    for name in names:
        if directory.role(name) is None:
            raise NoSuchRole(name)
