"""Principals of access keys and sessions, as they are now.

The principal of a lasting key is its account or its user; that of a session is the requester of the
session, a role, or the bearer of a web identity token. Users and roles are looked up each time, so
a session ends when they do. It also ends with the key that requested it: when that is disabled,
removed or gets another secret, and when its user may no longer assume the role.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from s3gw.auth.session import Kind, Sealer, SessionKey, permissions_of
from s3gw.identity.accounts import ROOT_ACCOUNT, AccessKey, Accounts, Principal, Session
from s3gw.identity.builtin import TOKEN_ROLE
from s3gw.identity.permissions import NO_PERMISSIONS, Permissions
from s3gw.identity.protocol import Directory, Role, User


class CredentialStore(Struct, frozen=True):
    """Answers are as fresh as the directory's last `refresh`."""

    accounts: Accounts
    directory: Directory | None = None

    def principal_for_key(self, access_key: str) -> AccessKey | None:
        """Return the holder of a lasting key; None if it is unknown or disabled."""
        found = self.accounts.find(access_key)
        return self._of_user_key(access_key) if found is None else found

    def role(self, name: str) -> Role | None:
        return None if self.directory is None else self.directory.role(name)

    def incarnation(self, kind: Kind, holder: str) -> str:
        """Return which user or role of that name there is now; empty for other holders."""
        found: User | Role | None = None
        if kind is Kind.USER:
            found = self._user(holder)
        elif kind is Kind.ROLE:
            found = self.role(holder)
        return found.incarnation if found is not None else ""

    def may_assume(self, principal: Principal, role: Role) -> bool:
        """Whether the holder of a lasting key, or of a session requested with one, may assume the
        role. One role cannot assume another."""
        if principal.is_anonymous or (principal.session and principal.session.role):
            return False
        if principal.is_root:
            return True
        user = self._user(principal.user)
        return user is not None and role.name in user.roles

    def principal_for_session(self, session: SessionKey, sealer: Sealer) -> Principal | None:
        """Return the session's principal; None when the session has ended early."""
        match session.kind:
            case Kind.USER if not session.parent:
                user = self._user(session.holder)
                if user is None or not user.is_holder(session.incarnation, session.issued_s):
                    return None
                return self._without_key(session, user)
            case Kind.ACCOUNT | Kind.USER:
                return self._same(session, sealer)
            case Kind.ROLE:
                role = self.role(session.holder)
                if role is None or role.incarnation != session.incarnation:
                    return None
                if not self._is_still_assumed(session, sealer, role):
                    return None
                return _assumed(session, role.name, role.permissions)
            case Kind.TOKEN:
                given = permissions_of(session.held) if session.held else NO_PERMISSIONS
                return replace(_assumed(session, TOKEN_ROLE, given), user=session.holder)

    def _same(self, session: SessionKey, sealer: Sealer) -> Principal | None:
        """Return the requester, with the session's restrictions."""
        parent = self._parent(session, sealer)
        if parent is None:
            return None
        return replace(parent, access_key=session.access_key, session=_session(session))

    def _without_key(self, session: SessionKey, user: User) -> Principal:
        """Return a user who sent their own token, or whose session the owner issued."""
        role = TOKEN_ROLE if session.web_identity else ""
        found = self._principal(user, session.access_key)
        return replace(found, session=_session(session, role))

    def _of_user_key(self, access_key: str) -> AccessKey | None:
        if self.directory is None:
            return None
        key = self.directory.key(access_key)
        user = self._user(key.user) if key is not None and key.enabled else None
        if key is None or user is None:
            return None
        return AccessKey(self._principal(user, access_key), key.secret)

    def _user(self, name: str) -> User | None:
        found = None if self.directory is None or not name else self.directory.user(name)
        return found if found is not None and found.enabled else None

    def _principal(self, user: User, access_key: str) -> Principal:
        directory = self.directory
        given = NO_PERMISSIONS if directory is None else directory.permissions_of(user)
        return Principal(
            ROOT_ACCOUNT,
            access_key=access_key,
            is_root=given.admin,
            user=user.name,
            permissions=given,
        )

    def _parent(self, session: SessionKey, sealer: Sealer) -> Principal | None:
        """Return the requester of the session, if the key that requested it has not changed."""
        found = self.principal_for_key(session.parent)
        if found is None or sealer.mark(session.parent, found.secret) != session.parent_mark:
            return None
        return found.principal

    def _is_still_assumed(self, session: SessionKey, sealer: Sealer, role: Role) -> bool:
        if not session.parent:
            return True
        parent = self._parent(session, sealer)
        return parent is not None and self.may_assume(parent, role)


def _assumed(session: SessionKey, role: str, permissions: Permissions) -> Principal:
    return Principal(
        ROOT_ACCOUNT,
        access_key=session.access_key,
        is_root=permissions.admin,
        permissions=permissions,
        session=_session(session, role),
    )


def _session(session: SessionKey, role: str = "") -> Session:
    return Session(session.name, session.expires_s, role, session.policy, session.issued_s)
