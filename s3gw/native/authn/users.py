"""`/v1/users`: who may log in, and logging in.

    {"id": "ann", "pass": "...", "roles": [{"name": "r", ...}]}

Users may read themselves and change their own password, with the old one as `old_pass`: a token
that was found somewhere is not enough. All else is for administrators. A password comes in and is
never sent out.
"""

from __future__ import annotations

from msgspec import Struct, field

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.identity import users
from s3gw.identity.directory import StoredDirectory, UserFacts
from s3gw.identity.tokens.issuer import CannotIssue, TokenIssuer
from s3gw.native.answers import json_reply
from s3gw.native.authn.directory import directory_of, told
from s3gw.native.authn.roles import RoleInfo, role_info
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, token_needed
from s3gw.native.login_throttle import check_login, login_name, note_failure
from s3gw.native.operation import NO_RIGHT, document, operation

_NS = 1_000_000_000
_WRONG = "invalid credentials"
_OLD_PASSWORD = 'to change your own password, send the one you have now as "old_pass"'


class UserInfo(Struct, frozen=True):
    """A user as sent by a client; only the names of the roles count."""

    id: str = ""
    password: str | None = field(default=None, name="pass")
    old_password: str = field(default="", name="old_pass")
    roles: list[RoleInfo] | None = None

    @property
    def role_names(self) -> list[str]:
        return [role.name for role in self.roles or ()]


class ShownUser(Struct, frozen=True):
    id: str
    roles: list[RoleInfo]


class LoginMessage(Struct, frozen=True):
    """`expires_in` is in nanoseconds; 0 is for ever, and without it the usual time applies."""

    password: str = ""
    expires_in: int | None = None

    def ttl_s(self, issuer: TokenIssuer) -> int:
        if self.expires_in is None:
            return issuer.usual_s
        if self.expires_in < 0:
            raise NativeError(400, "a token cannot have expired before it is issued")
        return -(-self.expires_in // _NS) or issuer.longest_s


class TokenMessage(Struct, frozen=True):
    token: str = ""


@operation("POST", "users/{user}", access=NO_RIGHT, is_open=True, is_audited=True)
class LogIn:
    """Log in. Neither the answer nor its time reveals whether the user exists."""

    message: LoginMessage = document()

    async def run(self, call: NativeCall) -> Reply:
        issuer, directory = call.native.authn.issuer, directory_of(call)
        throttle = call.native.throttle
        check_login(throttle, call.client, call.name)
        with told():
            user = await users.log_in(directory, call.name, self.message.password, call.client)
        if user is None:
            note_failure(throttle, call.client, login_name(call.name))
            raise token_needed(_WRONG)
        try:
            ttl_s = self.message.ttl_s(issuer)
            issued = issuer.for_user(user, directory.permissions_of(user), ttl_s)
        except CannotIssue as error:
            raise NativeError(400, str(error)) from None
        return json_reply(TokenMessage(issued.token))


@operation("GET", "users", access=Access.ADMIN, needs_admin=True)
class ListUsers:
    async def run(self, call: NativeCall) -> Reply:
        directory = directory_of(call)
        await directory.refresh()
        return json_reply({u.name: _shown(directory, u) for u in directory.all_users()})


@operation("POST", "users", access=Access.ADMIN, needs_admin=True, is_audited=True)
class CreateUser:
    info: UserInfo = document()

    async def run(self, call: NativeCall) -> Reply:
        call.made = self.info.id
        if not self.info.password:
            raise NativeError(400, "a user needs a password")
        with told():
            await users.add(
                directory_of(call),
                self.info.id,
                roles=self.info.role_names,
                password=self.info.password,
            )
        return Reply()


@operation("GET", "users/{user}", access=NO_RIGHT)
class GetUser:
    async def run(self, call: NativeCall) -> Reply:
        _require_self(call)
        directory = directory_of(call)
        await directory.refresh()
        with told():
            facts = directory.user_facts(call.name)
        return json_reply(_shown(directory, facts))


@operation("PUT", "users/{user}", access=NO_RIGHT, is_audited=True)
class UpdateUser:
    """Change a user. A password or roles that are not sent stay as they are. Who changes their own
    password sends the old one as well, administrators too."""

    info: UserInfo = document()

    async def run(self, call: NativeCall) -> Reply:
        _require_self(call)
        if self.info.id not in ("", call.name):
            raise NativeError(400, "a user cannot be renamed")
        if self.info.roles and not call.caller.is_root:
            raise _denied()
        directory = directory_of(call)
        if self.info.password and call.caller.user == call.name:
            await self._require_old_password(call)
        with told():
            if self.info.roles:
                await users.set_roles(directory, call.name, self.info.role_names)
            if self.info.password:
                await users.set_password(directory, call.name, self.info.password)
            directory.user_facts(call.name)
        return Reply()

    async def _require_old_password(self, call: NativeCall) -> None:
        """Raise 403 unless the old password is right. Wrong ones count as failed logins do."""
        throttle = call.native.throttle
        check_login(throttle, call.client, call.name)
        with told():
            known = await users.log_in(
                directory_of(call), call.name, self.info.old_password, call.client
            )
        if known is None:
            note_failure(throttle, call.client, login_name(call.name))
            raise NativeError(403, _OLD_PASSWORD)


@operation("DELETE", "users/{user}", access=Access.ADMIN, needs_admin=True, is_audited=True)
class DeleteUser:
    async def run(self, call: NativeCall) -> Reply:
        with told():
            await users.remove(directory_of(call), call.name)
        return Reply()


def _require_self(call: NativeCall) -> None:
    """Raise 403 unless the caller is that very user, or an administrator. Subjects of other token
    issuers have other names than users have."""
    if not call.caller.is_root and call.caller.user != call.name:
        raise _denied()


def _denied() -> NativeError:
    return NativeError(403, "insufficient permissions: only administrators manage users")


def _shown(directory: StoredDirectory, facts: UserFacts) -> ShownUser:
    found = (directory.role(name) for name in facts.roles)
    return ShownUser(facts.name, [role_info(role) for role in found if role is not None])
