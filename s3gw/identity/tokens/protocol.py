"""Protocol of token verification, for the front ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from s3gw.identity.permissions import Permissions

# The claim of our own tokens that says what the subject is here: a user of the directory, or the
# owner of the data folder.
BEARER = "s3gw"
USER = "user"
# The claim that says which user of that name it is: there may be another one later.
INCARNATION = "s3gw_incarnation"
OWNER = "owner"


class TokenError(Exception):
    """The token is invalid. The text says why, and never has the token itself. `expired` marks the
    one reason that clients act on, `unreachable` a failure to reach the issuer."""

    def __init__(self, reason: str, *, expired: bool = False, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.expired = expired
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True)
class Verified:
    """A valid token: its signature was checked, and its times, issuer and audience.

    `issuer` is empty for tokens that were signed with our own key or the configured one. The
    subject is only a name chosen by the signer: `principal_of` returns the principal.
    """

    subject: str
    issuer: str
    audiences: tuple[str, ...]
    expires_s: int
    permissions: Permissions
    claims: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def user(self) -> str:
        """The directory's user of one of our own tokens; empty for other tokens. Tokens of other
        issuers cannot name a user of this directory."""
        return self.subject if not self.issuer and self.claims.get(BEARER) == USER else ""

    @property
    def incarnation(self) -> str:
        """The user's incarnation; empty for a user who has none."""
        return str(self.claims.get(INCARNATION, ""))


class TokenVerifier(Protocol):
    async def verify(self, token: str) -> Verified:
        """Verify a token, in microseconds if it is cached; revoked tokens are refused. Raises
        `TokenError`."""
        ...
