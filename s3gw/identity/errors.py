"""Errors of the directory of users, roles and keys.

Messages are for people. There are three kinds, so that a front end needs only three statuses:
missing, already existing, and refused.
"""

from __future__ import annotations


class IdentityError(Exception):
    """The message says what is wrong and what can be done; it holds no secret."""


class Missing(IdentityError):
    """The object does not exist."""


class AlreadyExists(IdentityError):
    """An object with that name exists."""


class Refused(IdentityError):
    """The change is not allowed, in general or in the present state."""


class Busy(IdentityError):
    """A temporary failure; the same request can be repeated."""


class NoSuchUser(Missing):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no user {name!r}.")


class UserExists(AlreadyExists):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is a user {name!r} already.")


class NoSuchRole(Missing):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no role {name!r}.")


class RoleExists(AlreadyExists):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is a role {name!r} already.")


class NoSuchKey(Missing):
    def __init__(self, access_key: str) -> None:
        super().__init__(f"There is no user's access key {access_key!r}.")


class NoSuchCluster(Missing):
    def __init__(self, cluster: str) -> None:
        super().__init__(f"There is no cluster {cluster!r}.")


class ClusterExists(AlreadyExists):
    def __init__(self, cluster: str) -> None:
        super().__init__(f"There is a cluster {cluster!r} already.")


class BadName(Refused):
    def __init__(self, what: str, name: str, allowed: str) -> None:
        super().__init__(f"{name[:200]!r} cannot be the name of a {what}: use {allowed}.")


class Reserved(Refused):
    """The name is reserved: an operator cannot use or change it."""


class RoleInUse(Refused):
    def __init__(self, name: str, users: list[str]) -> None:
        some = ", ".join(users[:3]) + (", ..." if len(users) > 3 else "")
        super().__init__(f"The role {name!r} is in use by {some}: take it from them first.")


class LimitExceeded(Refused):
    """The limit on their number is reached."""


class BadPassword(Refused):
    """The password is too short or too long."""
