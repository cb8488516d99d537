"""Whom a policy's statement is about.

An account of this server is named by its id: bare, as a canonical user, or in the ARN of its root
user, `arn:aws:iam::ID:root`. Accounts have no users or roles, so ARNs of those name nobody and are
refused, as AWS refuses those that it does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from s3gw.access.conditions import malformed
from s3gw.access.request import Caller

LOGGING = "logging.s3.amazonaws.com"
_SERVICES = frozenset({LOGGING})
_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ROOT_ARN = re.compile(r"arn:aws:iam::([A-Za-z0-9._-]{1,64}):root")
_INVALID = "Invalid principal in policy"


@dataclass(frozen=True, slots=True)
class Principals:
    """`everyone` are also those who do not sign. `named` are the accounts that were named by their
    bare ids, which must exist; an ARN may name an account of anywhere."""

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    negated: bool = False

    def include(self, caller: Caller) -> bool:
        found = (
            self.everyone
            or (not caller.is_anonymous and caller.account in self.accounts)
            or caller.service in self.services
        )
        return found is not self.negated


def read_principals(value: Any, *, negated: bool) -> Principals:
    """`"*"`, or an object of `AWS`, `CanonicalUser` and `Service`. Raises `MalformedPolicy`."""
    if value == "*":
        return Principals(everyone=True, negated=negated)
    if not isinstance(value, dict) or not value.keys() <= {"AWS", "CanonicalUser", "Service"}:
        raise malformed(_INVALID)
    aws = _texts(value.get("AWS", []))
    users = _texts(value.get("CanonicalUser", []))
    services = _texts(value.get("Service", []))
    if not (aws or users or services) or not services <= _SERVICES:
        raise malformed(_INVALID)
    bare = {text for text in (aws - {"*"}) | users if _ACCOUNT.fullmatch(text)}
    arns = aws - {"*"} - bare
    if not users <= bare:
        raise malformed(_INVALID)
    return Principals(
        everyone="*" in aws,
        accounts=frozenset(bare | {_account_of(arn) for arn in arns}),
        services=frozenset(services),
        named=frozenset(bare),
        negated=negated,
    )


def _account_of(arn: str) -> str:
    match = _ROOT_ARN.fullmatch(arn)
    if match is None:
        raise malformed(_INVALID)
    return match[1]


def _texts(value: Any) -> set[str]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise malformed(_INVALID)
    return set(texts)
