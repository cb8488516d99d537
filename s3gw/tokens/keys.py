"""Where the keys come from that may have signed a token.

Three sources: an OIDC issuer (`oidc`), the one key that the configuration names, and a secret of
our own, made at the first start and kept sealed in the directory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from s3gw.tokens.compact import Compact
from s3gw.tokens.signature import VerifyingKey

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


class OwnKey:
    """The key of our own secret, which `secret` gives as it is now; None as long as there is none.

    Tokens name the key, so that it stands beside a configured one; the id says nothing of it.
    """

    def __init__(self, secret: Callable[[], bytes | None]) -> None:
        self._secret = secret
        self._seen: bytes | None = None
        self._key: VerifyingKey | None = None

    @property
    def key(self) -> VerifyingKey | None:
        secret = self._secret()
        if secret != self._seen:
            self._seen, self._key = secret, None if secret is None else _own_key(secret)
        return self._key

    @property
    def version(self) -> Hashable:
        return self.key and self.key.fingerprint

    async def find(self, token: Compact) -> Sequence[VerifyingKey]:
        return (self.key,) if self.key else ()


def new_own_secret() -> bytes:
    return os.urandom(OWN_SECRET_BYTES)


def _own_key(secret: bytes) -> VerifyingKey:
    fingerprint = hashlib.sha256(secret).hexdigest()
    return VerifyingKey((OWN_ALGORITHM,), fingerprint, secret, f"s3gw-{fingerprint[:16]}")
