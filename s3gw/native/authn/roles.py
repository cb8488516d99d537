"""`/v1/roles`: what users may do.

    {"name": "r", "desc": "", "admin": false,
     "clusters": [{"id": "UUID", "perm": "12288"}],
     "buckets": [{"bck": {"name": "b", "provider": "ais", "namespace": {"uuid": "UUID"}},
                  "perm": "771"}]}

Permissions are decimal texts of 64 bits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from msgspec import Struct

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.identity import roles
from s3gw.identity.errors import NoSuchRole
from s3gw.identity.permissions import Permissions
from s3gw.identity.protocol import Role
from s3gw.identity.tokens.claims import read_permissions, written
from s3gw.identity.tokens.protocol import TokenError
from s3gw.native.answers import json_reply
from s3gw.native.authn.directory import directory_of, told
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.operation import document, operation


class RoleInfo(Struct, frozen=True):
    """A role on the wire; permissions are read as those of tokens are."""

    name: str = ""
    desc: str = ""
    clusters: list[dict[str, Any]] | None = None
    buckets: list[dict[str, Any]] | None = None
    admin: bool = False

    def permissions(self) -> Permissions:
        """Parse the permissions. Raise 400."""
        try:
            return read_permissions(msgspec.structs.asdict(self))
        except TokenError as error:
            raise NativeError(400, f"invalid permissions of a role: {error}") from None


def role_info(role: Role) -> RoleInfo:
    claims = written(role.permissions)
    return RoleInfo(
        role.name,
        role.description,
        claims.get("clusters"),
        claims.get("buckets"),
        claims["admin"],
    )


@operation("GET", "roles", access=Access.ADMIN, needs_admin=True)
class ListRoles:
    async def run(self, call: NativeCall) -> Reply:
        directory = directory_of(call)
        await directory.refresh()
        return json_reply([role_info(role) for role in directory.roles()])


@operation("POST", "roles", access=Access.ADMIN, needs_admin=True, is_audited=True)
class CreateRole:
    info: RoleInfo = document()

    async def run(self, call: NativeCall) -> Reply:
        call.made = self.info.name
        made = Role(self.info.name, self.info.desc, self.info.permissions())
        with told():
            await roles.add(directory_of(call), made)
        return Reply()


@operation("GET", "roles/{role}", access=Access.ADMIN, needs_admin=True)
class GetRole:
    async def run(self, call: NativeCall) -> Reply:
        return json_reply(role_info(await _found(call)))


@operation("PUT", "roles/{role}", access=Access.ADMIN, needs_admin=True, is_audited=True)
class UpdateRole:
    """Change a role. Its name, trust and sessions stay as they are."""

    info: RoleInfo = document()

    async def run(self, call: NativeCall) -> Reply:
        if self.info.name not in ("", call.name):
            raise NativeError(400, "a role cannot be renamed")
        role = await _found(call)
        changed = replace(role, description=self.info.desc, permissions=self.info.permissions())
        with told():
            await roles.update(directory_of(call), changed)
        return Reply()


@operation("DELETE", "roles/{role}", access=Access.ADMIN, needs_admin=True, is_audited=True)
class DeleteRole:
    async def run(self, call: NativeCall) -> Reply:
        with told():
            await roles.withdraw(directory_of(call), call.name)
        return Reply()


async def _found(call: NativeCall) -> Role:
    directory = directory_of(call)
    await directory.refresh()
    role = directory.role(call.name)
    if role is None:
        raise NativeError(404, str(NoSuchRole(call.name)), Tcode.NOT_FOUND)
    return role
