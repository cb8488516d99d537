"""Revocation of tokens.

Only the hash of a revoked token is stored, until the token would have expired.
"""

from __future__ import annotations

from itertools import islice

from cluster.coordination import Delete, Put
from s3gw.identity.directory import StoredDirectory, token_digest
from s3gw.identity.errors import LimitExceeded
from s3gw.identity.records import RevokedRecord, encode, revoked_key
from s3gw.identity.snapshot import Snapshot

MAX_REVOKED = 100_000
_PURGED_AT_ONCE = 64


async def revoke(directory: StoredDirectory, token: str, expires_s: int) -> None:
    """Refuse the token from now on, on every node and after a restart too. Also removes the records
    of expired tokens. `expires_s` is the token's expiry, in seconds since the epoch.

    Raises `LimitExceeded`.
    """
    digest = token_digest(token)
    put = Put(revoked_key(digest), encode(RevokedRecord(expires_s=expires_s)))

    def edit(now: Snapshot) -> list[Put | Delete]:
        now_s = directory.now_s()
        over = (name for name, each in now.revoked.items() if each.expires_s <= now_s)
        purged = list(islice((name for name in over if name != digest), _PURGED_AT_ONCE))
        if len(now.revoked) - len(purged) >= MAX_REVOKED:
            raise LimitExceeded(f"There are {MAX_REVOKED} revoked tokens that still last.")
        return [put, *(Delete(revoked_key(name)) for name in purged)]

    if expires_s > directory.now_s():
        await directory.change(edit)
