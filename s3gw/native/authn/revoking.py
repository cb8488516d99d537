"""Revocation of unexpired tokens: JWTs, and temporary keys' session tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from s3gw.auth.session import MAX_ROLE_SESSION_S, SESSION_TOKENS, InvalidSessionToken, Sealer
from s3gw.config.auth import MAX_LEEWAY_S
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.revocation import revoke
from s3gw.identity.tokens.claims import standard_claims
from s3gw.identity.tokens.compact import read_compact
from s3gw.identity.tokens.signature import twin


async def revoke_token(directory: StoredDirectory, token: str) -> None:
    """Refuse the token, and its twin, from now until its age would refuse it anyway.

    The caller must know that it was valid once, because each revocation takes room. Raise
    `TokenError` for a text that is not a token, and `LimitExceeded`.
    """
    for each, until_s in _revoked(directory, token):
        await revoke(directory, each, until_s)


def _revoked(directory: StoredDirectory, token: str) -> Iterator[tuple[str, int]]:
    """Yield what to revoke, and until when."""
    sealer = Sealer(directory.vault.derive(SESSION_TOKENS))
    with suppress(InvalidSessionToken):
        yield token, sealer.open(token).expires_s
        return
    parsed = read_compact(token)
    # Temporary keys that were given for the token may last longer than it, and end with it here.
    until_s = standard_claims(parsed.claims).expires_s + MAX_LEEWAY_S + MAX_ROLE_SESSION_S
    yield token, int(until_s) + 1
    if other := twin(token, parsed):
        yield other, int(until_s) + 1
