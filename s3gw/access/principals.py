"""Principals of policy statements.

An account of this server is named by its id: bare, as a canonical user, or in the ARN of its root
user, `arn:aws:iam::ID:root`. Only the root account has users and roles, and they are named by ARNs:
`arn:aws:iam::NUMBER:user/NAME`, `arn:aws:iam::NUMBER:role/NAME`, and a session of a role by
`arn:aws:sts::NUMBER:assumed-role/ROLE/SESSION`. Its number and its id mean the same.

A statement that allows an account something does not extend to its users, who have their own
permissions; a statement that denies an account something denies its users and roles too.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from s3gw.access.conditions import malformed
from s3gw.access.request import Caller
from s3gw.identity.accounts import (
    ROOT_ACCOUNT,
    ROOT_ACCOUNT_NUMBER,
    role_arn,
    session_arn,
    user_arn,
)

LOGGING = "logging.s3.amazonaws.com"
# It writes inventories.
S3_ITSELF = "s3.amazonaws.com"
_SERVICES = frozenset({LOGGING, S3_ITSELF})
_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ROOT_ARN = re.compile(r"arn:aws:iam::([A-Za-z0-9._-]{1,64}):root")
# Wildcards in names are refused, as at AWS, so that they cannot seem to work.
_USER_ARN = re.compile(r"arn:aws:iam::([A-Za-z0-9]{12,64}):(user|role)/([^\s*?]{1,256})")
_SESSION_ARN = re.compile(
    r"arn:aws:sts::([A-Za-z0-9]{12,64}):assumed-role/([^\s*?/]{1,64})/([^\s*?/]{1,64})"
)
_ROOTS = (ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER)
_INVALID = "Invalid principal in policy"


class Principals(Struct, frozen=True):
    """`everyone` includes anonymous callers. `arns` are of users, roles and sessions, with the root
    account's number. `named` are the accounts given by bare ids: these must exist, while an ARN may
    name a principal of another system."""

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    negated: bool = False

    def include(self, caller: Caller, *, allowed: bool) -> bool:
        """Whether the caller is included; `allowed`: whether the statement allows."""
        found = (
            self.everyone
            or caller.service in self.services
            or (caller.signed and self._name(caller, allowed))
        )
        return found is not self.negated

    def _name(self, caller: Caller, allowed: bool) -> bool:
        if not caller.is_user:
            return caller.account in self.accounts
        who = caller.principal
        if self.arns and (who.arn in self.arns or who.role_arn in self.arns):
            return True
        return not (allowed or self.negated) and who.account in self.accounts


EVERYONE = Principals(everyone=True)


def read_principals(value: Any, *, negated: bool) -> Principals:
    """Read `"*"`, or an object of `AWS`, `CanonicalUser` and `Service`. Raises
    `MalformedPolicy`."""
    if value == "*":
        return Principals(everyone=True, negated=negated)
    if not isinstance(value, dict) or not value.keys() <= {"AWS", "CanonicalUser", "Service"}:
        raise malformed(_INVALID)
    aws = _texts(value.get("AWS", []))
    canonical = _texts(value.get("CanonicalUser", []))
    services = _texts(value.get("Service", []))
    if not (aws or canonical or services) or not services <= _SERVICES:
        raise malformed(_INVALID)
    bare = {text for text in (aws - {"*"}) | canonical if _ACCOUNT.fullmatch(text)}
    if not canonical <= bare:
        raise malformed(_INVALID)
    accounts, arns = _cut(aws - {"*"} - bare)
    named = frozenset(map(_account, bare))
    return Principals(
        everyone="*" in aws,
        accounts=named | accounts,
        services=frozenset(services),
        named=named,
        arns=arns,
        negated=negated,
    )


def _cut(texts: set[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the accounts that ARNs name by their root users, and the ARNs of all others."""
    roots = {text: match[1] for text in texts if (match := _ROOT_ARN.fullmatch(text))}
    others = frozenset(_arn(text) for text in texts - roots.keys())
    return frozenset(_account(name) for name in roots.values()), others


def _account(name: str) -> str:
    return ROOT_ACCOUNT if name == ROOT_ACCOUNT_NUMBER else name


def _arn(text: str) -> str:
    """Return the ARN with the number of the root account: no other has users or roles."""
    user, session = _USER_ARN.fullmatch(text), _SESSION_ARN.fullmatch(text)
    found = user or session
    if found is None or found[1] not in _ROOTS:
        raise malformed(_INVALID)
    if session:
        return session_arn(session[2], session[3])
    return user_arn(found[3]) if found[2] == "user" else role_arn(found[3])


def _texts(value: Any) -> set[str]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise malformed(_INVALID)
    return set(texts)
