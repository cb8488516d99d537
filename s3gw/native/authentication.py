"""Authentication of native requests: bearer tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from s3gw.auth.throttle import Throttle
from s3gw.identity.accounts import Principal
from s3gw.identity.tokens.principal import principal_of
from s3gw.identity.tokens.protocol import TokenError
from s3gw.native.errors import token_needed
from s3gw.native.login_throttle import ANY_TOKEN, note_failure

if TYPE_CHECKING:
    from s3gw.native.call import NativeRequest
    from s3gw.native.services import AuthN

_SCHEME = "bearer"


class BearerAuthenticator:
    """Authenticator by bearer token. Without authentication every caller is the `root` account, as
    on the S3 side."""

    def __init__(self, authn: AuthN, root: Principal, throttle: Throttle) -> None:
        self._authn = authn
        self._root = root
        self._throttle = throttle

    async def authenticate(self, request: NativeRequest) -> Principal:
        """Return the caller. Raise 401 for a missing or invalid token, and 429 after too many
        failures."""
        if not self._authn.enabled:
            return self._root
        token = bearer_token(request.sent)
        try:
            verified = await self._authn.tokens.verify(token)
        except TokenError as error:
            if not error.expired:
                note_failure(self._throttle, request.client, ANY_TOKEN)
            kind = "token expired" if error.expired else "invalid token"
            raise token_needed(f"{kind}: {error}") from None
        return principal_of(verified)


def bearer_token(headers: Mapping[str, str]) -> str:
    """Return the token of the Authorization header. Raise 401 without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != _SCHEME or not token.strip():
        raise token_needed("token required")
    return token.strip()
