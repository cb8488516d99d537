"""Verification of a token: signature, validity, revocation.

The steps, cheap ones before expensive ones: size, format, signer, signature, times and audience,
and the permissions in the claims. The signer is selected by the token's `iss` and `kid`, but an
algorithm is valid only with a key of its kind (`signature`), and a key only for its own issuer.

Verified tokens are cached. What may change is checked at each use, in microseconds: revocation, the
signer's keys, and the permissions of the bearer's roles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import replace

from msgspec import Struct

from s3gw.identity.permissions import Permissions, merged
from s3gw.identity.protocol import Directory, User
from s3gw.identity.tokens.cache import TokenCache
from s3gw.identity.tokens.claims import (
    Rules,
    issuer_of,
    read_permissions,
    standard_claims,
    texts_at,
)
from s3gw.identity.tokens.compact import MAX_TOKEN_BYTES, Compact, read_compact
from s3gw.identity.tokens.keys import KeySource, OneKey
from s3gw.identity.tokens.oidc import Issuers
from s3gw.identity.tokens.protocol import BEARER, TokenError, Verified
from s3gw.identity.tokens.signature import VerifyingKey
from storage.clock import Clock

_NS = 1_000_000_000


class Signers(Struct, frozen=True):
    """The accepted signers: the issuers, holders of the configured key, and this server."""

    issuers: Issuers
    configured: VerifyingKey | None
    own: VerifyingKey | None

    def of(self, token: Compact) -> tuple[KeySource, str]:
        """Return the source of the token's key, and its issuer, empty for our own and the
        configured key. Raises `TokenError`."""
        issuer = issuer_of(token.claims)
        if keys := self.issuers.get(issuer):
            return keys, issuer
        if self.own is not None and token.key_id == self.own.key_id:
            return OneKey(self.own), ""
        if self.configured is not None:
            return OneKey(self.configured), ""
        raise TokenError("the token is of no issuer whose tokens are taken")


class _Good(Struct):
    """A valid token. `verified` is derived from `granted` and the claims only."""

    verified: Verified
    claimed: Permissions
    source: KeySource
    version: Hashable
    roles: tuple[str, ...]
    issued_s: float
    granted: Permissions | None = None


class Verifier:
    """Implements `TokenVerifier`."""

    def __init__(
        self, signers: Signers, directory: Directory, rules: Rules, roles_claim: str, clock: Clock
    ) -> None:
        self._signers = signers
        self._directory = directory
        self._rules = rules
        self._roles_claim = roles_claim
        self._clock = clock
        self._cache: TokenCache[_Good] = TokenCache()

    async def verify(self, token: str) -> Verified:
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenError(f"the token is longer than {MAX_TOKEN_BYTES} bytes")
        now_s = self._clock.now_ns() / _NS
        await self._directory.refresh()
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        good = self._cache.get(digest, now_s)
        if good is None or good.source.version != good.version:
            good = await self._examine(token, now_s)
            until_s = good.verified.expires_s + self._rules.leeway_s
            self._cache.put(digest, good, until_s, now_s)
        if self._directory.is_revoked(token):
            self._cache.drop(digest)
            raise TokenError("the token was revoked")
        if good.verified.user or good.roles:
            if good.verified.user and self._directory.user(good.verified.user) is None:
                await self._directory.refresh_latest()
            self._grant(good)
        return good.verified

    async def _examine(self, token: str, now_s: float) -> _Good:
        parsed = read_compact(token)
        source, issuer = self._signers.of(parsed)
        version = await self._check_signature(parsed, source)
        claims = standard_claims(parsed.claims)
        is_ours = not issuer and BEARER in parsed.claims
        self._rules.check(claims, now_s, is_ours=is_ours)
        claimed = read_permissions(parsed.claims)
        return _Good(
            verified=Verified(
                claims.subject,
                issuer,
                claims.audiences,
                claims.expires_s,
                claimed,
                parsed.claims,
            ),
            claimed=claimed,
            source=source,
            version=version,
            roles=self._roles(parsed, issuer),
            issued_s=claims.issued_s,
        )

    async def _check_signature(self, token: Compact, source: KeySource) -> Hashable:
        keys = await source.find(token)
        # The version of the keys used below, and not of newer ones.
        version = source.version
        if not any(key.verifies(token) for key in keys):
            raise TokenError("the token's signature is not good")
        return version

    def _roles(self, token: Compact, issuer: str) -> tuple[str, ...]:
        if not issuer or not self._roles_claim:
            return ()
        return texts_at(token.claims, self._roles_claim)

    def _grant(self, good: _Good) -> None:
        """Update the permissions from the roles. For the same roles the directory returns the same
        object, until something changes."""
        granted = self._directory.permissions_of(self._holder(good))
        if granted is good.granted:
            return
        # A user's token has the user's permissions at the time of issue, for other clusters only.
        permissions = granted if good.verified.user else merged([good.claimed, granted])
        good.granted = granted
        good.verified = replace(good.verified, permissions=permissions)

    def _holder(self, good: _Good) -> User:
        if good.verified.user:
            return self._user(good)
        return User("", tuple(name for name in good.roles if self._directory.role(name)))

    def _user(self, good: _Good) -> User:
        user = self._directory.user(good.verified.user)
        if user is None or not user.is_holder(good.verified.incarnation, good.issued_s):
            raise TokenError("the token's user is gone")
        if not user.enabled:
            raise TokenError("the token's user is disabled")
        return user
