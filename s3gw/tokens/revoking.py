"""Taking a token back before it expires: a JWT, or the session token of temporary keys."""

from __future__ import annotations

from contextlib import suppress

from s3gw.auth.session import SESSION_TOKENS, InvalidSessionToken, Sealer
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
    await revoke(directory, token, _expires_s(directory, token))


def _expires_s(directory: StoredDirectory, token: str) -> int:
    sealer = Sealer(directory.vault.derive(SESSION_TOKENS))
    with suppress(InvalidSessionToken):
        return sealer.open(token).expires_s
    claims = standard_claims(read_compact(token).claims)
    return int(claims.expires_s + MAX_LEEWAY_S) + 1
