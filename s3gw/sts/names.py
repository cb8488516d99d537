"""The ARN by which a request names a role: `arn:aws:iam::NUMBER:role/NAME`."""

from __future__ import annotations

import re

from s3gw.identity.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER

_ROLE_ARN = re.compile(r"arn:aws:iam::([^:]*):role/(.+)")


def role_in(arn: str) -> str | None:
    """The role's name; None for an ARN that can be none of ours. All roles are the root account's,
    whose id means the same as its number."""
    match = _ROLE_ARN.fullmatch(arn)
    return match[2] if match and match[1] in (ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER) else None
