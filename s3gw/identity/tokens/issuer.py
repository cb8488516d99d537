"""Our own tokens: for users and for the data folder's owner.

They are signed with the configured secret, if there is one, so that other clusters with that secret
accept them, and else with our own. In addition to AIStore's claims they name the user: a user's
tokens end with the user.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct

from s3gw.config.auth import HMAC_NAMES
from s3gw.config.types import show_duration
from s3gw.identity.permissions import Permissions
from s3gw.identity.protocol import User
from s3gw.identity.tokens.claims import written
from s3gw.identity.tokens.compact import MAX_TOKEN_BYTES, encoded
from s3gw.identity.tokens.protocol import BEARER as BEARER
from s3gw.identity.tokens.protocol import INCARNATION
from s3gw.identity.tokens.protocol import OWNER as OWNER
from s3gw.identity.tokens.protocol import USER as USER
from s3gw.identity.tokens.signature import VerifyingKey
from storage.clock import Clock

OWNER_SUBJECT = "root"

DEFAULT_TTL_S = 12 * 3600
MIN_TTL_S = 1

_NS = 1_000_000_000
_NO_CLAIMS: Mapping[str, str] = MappingProxyType({})


class CannotIssue(Exception):
    """The text says why."""


class Issued(Struct, frozen=True):
    """`expires_s` is seconds since the epoch."""

    token: str
    subject: str
    expires_s: int


class TokenIssuer:
    """`key` is made from a secret; `audiences` are those of the tokens, which last `longest_s` at
    most, and `usual_s` unless somebody asks for another time."""

    def __init__(
        self, key: VerifyingKey, audiences: Sequence[str], longest_s: int, clock: Clock
    ) -> None:
        self._key = key
        self._audiences = list(audiences)
        self.longest_s = longest_s
        self.usual_s = min(DEFAULT_TTL_S, longest_s)
        self._clock = clock

    def for_user(self, user: User, permissions: Permissions, ttl_s: int) -> Issued:
        """Issue a token with the user's `permissions`. Raises `CannotIssue`."""
        extra = {INCARNATION: user.incarnation} if user.incarnation else {}
        return self._issue(user.name, USER, permissions, ttl_s, extra)

    def for_owner(self, ttl_s: int) -> Issued:
        """Issue a token that allows everything. Raises `CannotIssue`."""
        return self._issue(OWNER_SUBJECT, OWNER, Permissions(admin=True), ttl_s)

    def _issue(
        self,
        subject: str,
        bearer: str,
        permissions: Permissions,
        ttl_s: int,
        more: Mapping[str, str] = _NO_CLAIMS,
    ) -> Issued:
        if not MIN_TTL_S <= ttl_s <= self.longest_s:
            longest = show_duration(self.longest_s)
            raise CannotIssue(
                f"A token lasts from one second to {longest}, the setting auth.longest_token."
            )
        now_s = self._clock.now_ns() // _NS
        claims = {
            "sub": subject,
            "iat": now_s,
            "exp": now_s + ttl_s,
            "jti": secrets.token_urlsafe(16),
            BEARER: bearer,
            **more,
            **({"aud": self._audiences} if self._audiences else {}),
            **written(permissions),
        }
        token = self._signed(claims)
        if len(token) > MAX_TOKEN_BYTES:
            raise CannotIssue("The permissions are too many for a token: use fewer roles.")
        return Issued(token, subject, now_s + ttl_s)

    def _signed(self, claims: dict[str, Any]) -> str:
        algorithm = self._key.algorithms[0]
        assert algorithm in HMAC_NAMES
        header = {"alg": algorithm, "typ": "JWT"}
        if self._key.key_id:
            header["kid"] = self._key.key_id
        unsigned = ".".join(encoded(msgspec.json.encode(each)) for each in (header, claims))
        return f"{unsigned}.{encoded(self._key.sign(algorithm, unsigned.encode()))}"
