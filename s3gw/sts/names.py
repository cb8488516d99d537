"""ARNs of roles in requests: `arn:aws:iam::NUMBER:role/NAME`."""

from __future__ import annotations

import re

from s3gw.identity.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER

_ROLE_ARN = re.compile(r"arn:aws:iam::([^:]*):role/(.+)")


def role_in(arn: str) -> str | None:
    """Return the role's name; None if the ARN cannot be ours. All roles are the root account's, and
    its id is accepted as well as its number."""
    match = _ROLE_ARN.fullmatch(arn)
    return match[2] if match and match[1] in (ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER) else None
