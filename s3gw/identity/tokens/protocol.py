"""Protocol of token verification, for the front ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from s3gw.identity.permissions import Permissions

# The claim of our own tokens that says what the subject is here: a user of the directory, or the
# owner of the data folder.
BEARER = "s3gw"
USER = "user"
OWNER = "owner"


class TokenError(Exception):
    """The token is not good. The text says why, and never holds the token; `expired` tells the one
    reason that clients act on; `unreachable` that the issuer could not be asked."""

    def __init__(self, reason: str, *, expired: bool = False, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.expired = expired
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True)
class Verified:
    """A good token: its signature was checked, and its times, issuer and audience.

    `issuer` is empty for tokens that were signed with our own key or the configured one. The
    subject is only a name that somebody gave: `principal_of` says whom it stands for.
    """

    subject: str
    issuer: str
    audiences: tuple[str, ...]
    expires_s: int
    permissions: Permissions
    claims: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def user(self) -> str:
        """The user of the directory whose token it is; empty when it is none of ours. Issuers have
        no say in who is a user here, whatever they claim."""
        return self.subject if not self.issuer and self.claims.get(BEARER) == USER else ""


class TokenVerifier(Protocol):
    async def verify(self, token: str) -> Verified:
        """Raises `TokenError`. From the cache in microseconds; revoked tokens are refused."""
        ...
