"""Taking a token back before it expires."""

from __future__ import annotations

from s3gw.identity.directory import StoredDirectory
from s3gw.identity.revocation import revoke
from s3gw.tokens.claims import standard_claims
from s3gw.tokens.compact import read_compact
from s3gw.tokens.options import MAX_LEEWAY_S


async def revoke_token(directory: StoredDirectory, token: str) -> None:
    """Refuse it from now on, until it would be refused for its age anyway.

    Whether it was ever good is for the caller to know: what is revoked takes room. Raises
    `TokenError` for what is no token, and `LimitExceeded`.
    """
    claims = standard_claims(read_compact(token).claims)
    await revoke(directory, token, int(claims.expires_s + MAX_LEEWAY_S) + 1)
