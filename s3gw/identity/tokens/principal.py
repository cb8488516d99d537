"""Principal of the bearer of a valid token."""

from __future__ import annotations

from s3gw.identity.accounts import ROOT_ACCOUNT, Principal
from s3gw.identity.tokens.protocol import BEARER, OWNER, Verified


def principal_of(verified: Verified) -> Principal:
    """Return a principal of the root account with only the token's permissions.

    Only our own tokens name users. The name of another subject begins with its issuer, as in
    `issuer.example.com/realm#john`, or with `token` for the configured key: neither users nor
    issuers have a `#` in their names, so that no subject can pass for a user, or for another
    issuer's subject, where a policy or a role names one.
    """
    permissions = verified.permissions
    name = verified.subject
    if not verified.user and not _is_owners(verified):
        issuer = verified.issuer.partition("://")[2] or "token"
        name = f"{issuer}#{name}"
    return Principal(ROOT_ACCOUNT, is_root=permissions.admin, user=name, permissions=permissions)


def _is_owners(verified: Verified) -> bool:
    return not verified.issuer and verified.claims.get(BEARER) == OWNER
