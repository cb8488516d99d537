"""Sources of the keys that may have signed a token.

There are three: an OIDC issuer (`oidc`), the configured key, and our own secret, generated at the
first start and kept sealed in the directory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Hashable, Sequence
from typing import Protocol

from msgspec import Struct

from s3gw.identity.tokens.compact import Compact
from s3gw.identity.tokens.signature import VerifyingKey

# The name of our secret in the directory.
OWN_SECRET = "token-signing"
OWN_SECRET_BYTES = 64
OWN_ALGORITHM = "HS256"


class KeySource(Protocol):
    @property
    def version(self) -> Hashable:
        """A value that changes when a valid token may have become invalid."""
        ...

    async def find(self, token: Compact) -> Sequence[VerifyingKey]:
        """Return the keys that may have signed the token. Raises `TokenError`."""
        ...


class OneKey(Struct, frozen=True):
    """A source of one key that never changes."""

    key: VerifyingKey

    @property
    def version(self) -> Hashable:
        return self.key.fingerprint

    async def find(self, token: Compact) -> Sequence[VerifyingKey]:
        return (self.key,)


def new_own_secret() -> bytes:
    return os.urandom(OWN_SECRET_BYTES)


def own_key(secret: bytes) -> VerifyingKey:
    """Return the key of our secret. Tokens name its id, to tell it from a configured key; the id
    reveals nothing of the secret."""
    fingerprint = hashlib.sha256(secret).hexdigest()
    return VerifyingKey((OWN_ALGORITHM,), fingerprint, secret, f"s3gw-{fingerprint[:16]}")
