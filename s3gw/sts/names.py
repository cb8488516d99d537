"""How callers and roles are called: ARNs and ids.

    account   arn:aws:iam::ACCOUNT:root
    user      arn:aws:iam::NUMBER:user/NAME
    role      arn:aws:iam::NUMBER:role/NAME
    session   arn:aws:sts::NUMBER:assumed-role/ROLE/SESSION

NUMBER is the root account's, which all users and roles belong to; where an ARN is read, the root
account's id means the same.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from s3gw.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER, Principal

_ROLE_ARN = re.compile(r"arn:aws:iam::([^:]*):role/(.+)")
_ID_CHARS = 17


@dataclass(frozen=True, slots=True)
class Identity:
    """What GetCallerIdentity tells of a caller."""

    account: str
    user_id: str
    arn: str


def role_in(arn: str) -> str | None:
    """The name of the role that an ARN names; None when it can be none of ours."""
    match = _ROLE_ARN.fullmatch(arn)
    return match[2] if match and match[1] in (ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER) else None


def session_arn(role: str, session: str) -> str:
    return f"arn:aws:sts::{ROOT_ACCOUNT_NUMBER}:assumed-role/{role}/{session}"


def role_id(role: str) -> str:
    """Looks like AWS' ids of roles; the same for the same name."""
    return _id("AROA", role)


def identity_of(principal: Principal) -> Identity:
    session, user = principal.session, principal.user
    if session is not None and session.role:
        user_id = f"{role_id(session.role)}:{session.name}"
        return Identity(ROOT_ACCOUNT_NUMBER, user_id, session_arn(session.role, session.name))
    if user:
        arn = f"arn:aws:iam::{ROOT_ACCOUNT_NUMBER}:user/{user}"
        return Identity(ROOT_ACCOUNT_NUMBER, _id("AIDA", user), arn)
    account = principal.account
    number = ROOT_ACCOUNT_NUMBER if account == ROOT_ACCOUNT else account
    return Identity(number, number, f"arn:aws:iam::{number}:root")


def _id(prefix: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).digest()
    return prefix + base64.b32encode(digest).decode()[:_ID_CHARS]
