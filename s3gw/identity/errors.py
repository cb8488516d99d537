"""Errors of the directory of users, roles and keys; messages are for people.

Three kinds, so that a front end needs no more than three statuses: what is not there, what is there
already, and what is refused.
"""

from __future__ import annotations


class IdentityError(Exception):
    """The message says what is wrong and what can be done; it holds no secret."""


class Missing(IdentityError):
    """There is no such thing."""


class AlreadyExists(IdentityError):
    """There is one of that name."""


class Refused(IdentityError):
    """It is not allowed, as it is or as things are."""


class Busy(IdentityError):
    """Not now; the same can be tried again."""


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
    """The name is not the operator's to give or to change."""


class RoleInUse(Refused):
    def __init__(self, name: str, users: list[str]) -> None:
        some = ", ".join(users[:3]) + (", ..." if len(users) > 3 else "")
        super().__init__(f"The role {name!r} is in use by {some}: take it from them first.")


class LimitExceeded(Refused):
    """There are as many as there may be."""


class BadPassword(Refused):
    """It is too short or too long."""
