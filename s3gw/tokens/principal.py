"""The bearer of a good token, as access control knows everybody."""

from __future__ import annotations

from s3gw.accounts import ROOT_ACCOUNT, Principal
from s3gw.tokens.protocol import Verified


def principal_of(verified: Verified) -> Principal:
    """A subject of the root account, with what the token allows and nothing else.

    Its name begins with the issuer, as `issuer.example.com/subject`, so that no subject of an
    issuer can pass for a user, or for another issuer's subject, where a policy names one.
    """
    permissions = verified.permissions
    name = verified.subject
    if verified.issuer:
        name = f"{verified.issuer.partition('://')[2].rstrip('/')}/{name}"
    return Principal(ROOT_ACCOUNT, is_root=permissions.admin, user=name, permissions=permissions)
