"""The bearer of a good token, as access control knows everybody."""

from __future__ import annotations

from s3gw.accounts import ROOT_ACCOUNT, Principal
from s3gw.tokens.protocol import Verified


def principal_of(verified: Verified) -> Principal:
    """A subject of the root account, with what the token allows and nothing else."""
    permissions = verified.permissions
    return Principal(
        ROOT_ACCOUNT, is_root=permissions.admin, user=verified.subject, permissions=permissions
    )
