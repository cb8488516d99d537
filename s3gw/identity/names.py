"""Rules for the names of users, roles and clusters."""

from __future__ import annotations

import re

from s3gw.identity import builtin
from s3gw.identity.errors import BadName, Reserved

# IAM's names, without the comma that separates roles on command lines.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+=.@-]{0,63}")
_NAME_ALLOWED = "1 to 64 letters, digits and any of _ + = . @ -, and none of + = . @ - first"
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CLUSTER_ALLOWED = "1 to 64 letters, digits and any of _ -, with a letter or a digit first"
_ROOT = "root"


def check_user_name(name: str) -> None:
    """Raise `BadName` or `Reserved` for an invalid name."""
    if not _NAME.fullmatch(name):
        raise BadName("user", name, _NAME_ALLOWED)
    if name == _ROOT:
        raise Reserved("The root account is not a user: choose another name.")


def check_role_name(name: str) -> None:
    """Raise `BadName` or `Reserved` for an invalid name."""
    if not _NAME.fullmatch(name):
        raise BadName("role", name, _NAME_ALLOWED)
    if name == builtin.TOKEN_ROLE:
        raise Reserved(f"{name!r} means the permissions in a token itself: choose another name.")
    check_changeable(name)


def check_changeable(role: str) -> None:
    """Raise `Reserved` for a built-in role."""
    if role in builtin.NAMES:
        raise Reserved(f"{role!r} is a built-in role, which is neither changed nor removed.")


def check_cluster_name(name: str) -> None:
    """Raise `BadName` for an invalid name."""
    if not _CLUSTER.fullmatch(name):
        raise BadName("cluster", name, _CLUSTER_ALLOWED)
