"""Creation and change of roles."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from cluster.coordination import Delete, Put
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import LimitExceeded, NoSuchRole, Refused, RoleExists, RoleInUse
from s3gw.identity.names import check_changeable, check_role_name
from s3gw.identity.protocol import Role
from s3gw.identity.records import encode, new_incarnation, role_key, role_record, user_key
from s3gw.identity.snapshot import Snapshot

MAX_ROLES = 1000
BUCKETS_OF_A_ROLE = 1000
TRUSTS_OF_A_ROLE = 32
MAX_DESCRIPTION = 1000
# Users whose roles one transaction changes.
USERS_AT_ONCE = 64
# AWS' bounds for the longest session of a role.
SHORTEST_SESSION_S = 900
LONGEST_SESSION_S = 12 * 3600


async def add(directory: StoredDirectory, role: Role) -> None:
    """Create a role. Raises `RoleExists`, `BadName`, `Reserved`, `Refused` and `LimitExceeded`."""
    check_role_name(role.name)
    _check(role)

    def edit(now: Snapshot) -> list[Put | Delete]:
        if role.name in now.roles:
            raise RoleExists(role.name)
        if len(now.roles) >= MAX_ROLES:
            raise LimitExceeded(f"There are {MAX_ROLES} roles: remove one first.")
        return [_put(role, new_incarnation())]

    await directory.change(edit)


async def update(directory: StoredDirectory, role: Role) -> None:
    """Replace the role with the same name; the change applies to its users at once.

    Raises `NoSuchRole`, `Reserved`, `Refused` and `LimitExceeded`.
    """
    check_changeable(role.name)
    _check(role)

    def edit(now: Snapshot) -> list[Put | Delete]:
        if role.name not in now.roles:
            raise NoSuchRole(role.name)
        return [_put(role, now.roles[role.name].incarnation)]

    await directory.change(edit)


async def remove(directory: StoredDirectory, name: str) -> None:
    """Remove a role. Raises `NoSuchRole`, `Reserved`, and `RoleInUse` while users have it."""
    check_changeable(name)

    def edit(now: Snapshot) -> list[Put | Delete]:
        if name not in now.roles:
            raise NoSuchRole(name)
        if users := sorted(user for user, each in now.users.items() if name in each.roles):
            raise RoleInUse(name, users)
        return [Delete(role_key(name))]

    await directory.change(edit)


async def withdraw(directory: StoredDirectory, name: str) -> None:
    """Remove a role and take it from its users, as AIStore does; a role that is created later under
    the name is another one. Raises `NoSuchRole` and `Reserved`."""
    check_changeable(name)
    while True:
        try:
            await remove(directory, name)
            return
        except RoleInUse:
            await directory.change(lambda now: _without(now, name))


def _without(now: Snapshot, name: str) -> list[Put | Delete]:
    """Return the changes of the first users who have the role, as many as fit."""
    having = [(user, each) for user, each in now.users.items() if name in each.roles]
    changed = (
        (user, msgspec.structs.replace(each, roles=tuple(r for r in each.roles if r != name)))
        for user, each in having[:USERS_AT_ONCE]
    )
    return [Put(user_key(user), encode(each)) for user, each in changed]


def _put(role: Role, incarnation: str) -> Put:
    return Put(role_key(role.name), encode(role_record(replace(role, incarnation=incarnation))))


def _check(role: Role) -> None:
    if len(role.permissions.buckets) > BUCKETS_OF_A_ROLE:
        raise LimitExceeded(f"A role names at most {BUCKETS_OF_A_ROLE} buckets.")
    if len(role.trust) > TRUSTS_OF_A_ROLE:
        raise LimitExceeded(f"A role trusts at most {TRUSTS_OF_A_ROLE} issuers.")
    if len(role.description) > MAX_DESCRIPTION:
        raise LimitExceeded(f"A description has at most {MAX_DESCRIPTION} characters.")
    if not SHORTEST_SESSION_S <= role.max_session_s <= LONGEST_SESSION_S:
        raise Refused("The longest session of a role is 15 minutes to 12 hours.")
    for trust in role.trust:
        if not trust.issuer.startswith("https://") or not trust.subject:
            raise Refused("A role trusts an issuer by its https address, and names subjects.")
