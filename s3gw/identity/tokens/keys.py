"""Sources of the keys that may have signed a token.

Three sources: an OIDC issuer (`oidc`), the one key that the configuration names, and a secret of
our own, made at the first start and kept sealed in the directory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from s3gw.identity.tokens.compact import Compact
from s3gw.identity.tokens.signature import VerifyingKey

# What the directory calls our secret.
OWN_SECRET = "token-signing"
OWN_SECRET_BYTES = 64
OWN_ALGORITHM = "HS256"


class KeySource(Protocol):
    @property
    def version(self) -> Hashable:
        """Changes when a token that was good may be good no more."""
        ...

    async def find(self, token: Compact) -> Sequence[VerifyingKey]:
        """The keys that may have signed it. Raises `TokenError`."""
        ...


@dataclass(frozen=True, slots=True)
class OneKey:
    """A key that stays what it is."""

    key: VerifyingKey

    @property
    def version(self) -> Hashable:
        return self.key.fingerprint

    async def find(self, token: Compact) -> Sequence[VerifyingKey]:
        return (self.key,)


def new_own_secret() -> bytes:
    return os.urandom(OWN_SECRET_BYTES)


def own_key(secret: bytes) -> VerifyingKey:
    """Tokens name it, so that it stands beside a configured key; the id says nothing of it."""
    fingerprint = hashlib.sha256(secret).hexdigest()
    return VerifyingKey((OWN_ALGORITHM,), fingerprint, secret, f"s3gw-{fingerprint[:16]}")
