"""Creation and change of roles."""

from __future__ import annotations

from dataclasses import replace

from cluster.coordination import Delete, Put
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import LimitExceeded, NoSuchRole, Refused, RoleExists, RoleInUse
from s3gw.identity.names import check_changeable, check_role_name
from s3gw.identity.protocol import Role
from s3gw.identity.records import encode, new_incarnation, role_key, role_record
from s3gw.identity.snapshot import Snapshot

MAX_ROLES = 1000
BUCKETS_OF_A_ROLE = 1000
TRUSTS_OF_A_ROLE = 32
MAX_DESCRIPTION = 1000
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
