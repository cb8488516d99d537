"""Who is asking the native API: whoever the bearer token says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.identity.accounts import Principal
from s3gw.identity.tokens.principal import principal_of
from s3gw.identity.tokens.protocol import TokenError
from s3gw.native.errors import token_needed
from s3gw.native.login_throttle import ANY_TOKEN, note_failure

if TYPE_CHECKING:
    from s3gw.native.call import NativeCall

_SCHEME = "bearer"


class BearerAuthenticator:
    """`no_auth`: everybody is the root account, as on the S3 side."""

    def __init__(self, *, no_auth: bool = False) -> None:
        self._no_auth = no_auth

    async def authenticate(self, call: NativeCall) -> Principal:
        """Raises 401 for a missing token and for one that is not good, and 429 after too many."""
        accounts = call.services.accounts
        assert accounts is not None
        if self._no_auth:
            return accounts.root
        token = bearer_token(call)
        if call.services.tokens is None:
            raise token_needed("invalid token: this server takes no tokens")
        try:
            verified = await call.services.tokens.verify(token)
        except TokenError as error:
            if not error.expired:
                note_failure(call, ANY_TOKEN)
            kind = "token expired" if error.expired else "invalid token"
            raise token_needed(f"{kind}: {error}") from None
        return principal_of(verified)


def bearer_token(call: NativeCall) -> str:
    """Raises 401 without one."""
    scheme, _, token = call.sent.get("authorization", "").partition(" ")
    if scheme.lower() != _SCHEME or not token.strip():
        raise token_needed("token required")
    return token.strip()
