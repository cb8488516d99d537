"""From a verified token to the one who brought it, for both front ends."""

from __future__ import annotations

from s3gw.accounts import Principal
from s3gw.tokens.protocol import Verified


def principal_of(verified: Verified, root_account: str) -> Principal:
    """A user of the root account, with the rights that the token tells; an admin may do all."""
    return Principal(
        account=root_account,
        display_name=verified.subject,
        is_root=verified.permissions.admin,
        user=verified.subject,
        permissions=verified.permissions,
    )
