"""Protocol of the front ends for users and roles, implemented by `directory`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from s3gw.identity.permissions import NO_PERMISSIONS, Permissions
from storage.secret_fields import WithSecretFields


@dataclass(frozen=True, slots=True)
class User:
    """`roles` are names; the user may do what any of them allows. `created_s` is seconds since the
    epoch. An earlier user may have had the same name, with another `incarnation`: what is issued to
    a user, and used later, names both."""

    name: str
    roles: tuple[str, ...] = ()
    enabled: bool = True
    created_s: int = field(default=0, compare=False)
    incarnation: str = field(default="", compare=False)

    def is_holder(self, incarnation: str, issued_s: float) -> bool:
        """Whether what was issued to this name and incarnation is this user's. Only without an
        incarnation, as in older records, the time tells: clocks may be set back."""
        if self.incarnation or incarnation:
            return self.incarnation == incarnation
        return self.created_s <= issued_s


class Trust(Struct, frozen=True):
    """The tokens that may assume a role: those of `issuer`, with the audience if one is given, and
    a subject that the pattern matches (`*` and `?`)."""

    issuer: str
    audience: str = ""
    subject: str = "*"


@dataclass(frozen=True, slots=True)
class Role:
    """An earlier role may have had the same name, with another `incarnation`."""

    name: str
    description: str = ""
    permissions: Permissions = NO_PERMISSIONS
    trust: tuple[Trust, ...] = ()
    max_session_s: int = 3600
    incarnation: str = field(default="", compare=False)


class UserKey(WithSecretFields, frozen=True):
    """An access key of a user; its secret is clear only in memory. `enabled` is also False when it
    has expired; `expires_s` is in seconds since the epoch, 0 for never, as the others are."""

    secret_fields = frozenset({"secret"})

    access_key: str
    user: str
    secret: str
    enabled: bool = True
    created_s: int = 0
    last_used_s: int = 0
    expires_s: int = 0


class Directory(Protocol):
    """Lookups answer from memory and are as fresh as the last commit of any process of this
    machine."""

    async def refresh(self) -> None:
        """Bring later lookups up to date, in microseconds when nothing changed. Called once for
        each request."""
        ...

    async def refresh_latest(self) -> None:
        """As `refresh`, with what was committed on other machines a moment ago: for what is not
        known here. It costs a round trip to a cluster's database."""
        ...

    def user(self, name: str) -> User | None: ...

    def role(self, name: str) -> Role | None: ...

    def roles(self) -> Sequence[Role]: ...

    def key(self, access_key: str) -> UserKey | None: ...

    def permissions_of(self, user: User) -> Permissions: ...

    def alias_of(self, cluster: str) -> str:
        """Return the alias of the cluster with that id; empty if it is unknown or without one."""
        ...

    def is_revoked(self, token: str) -> bool:
        """Whether the token (a JWT or a session token, as it was sent) was revoked."""
        ...

    def is_revoked_digest(self, digest: str) -> bool:
        """Whether the token with that SHA-256 in hexadecimal was revoked: for sessions that were
        issued for a token."""
        ...

    def note_use(self, access_key: str) -> None:
        """Remember that the key was just used; stored from time to time."""
        ...
