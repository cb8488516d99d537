"""Bearer tokens: JSON Web Tokens that prove their caller by being there.

A JWT is sent in `Authorization: Bearer`, or, by SDKs that can send nothing else, in
`X-Amz-Security-Token` beside a signature with an arbitrary secret. An eavesdropper on one request
can send others until the token expires: nothing of the request is signed.
"""

from __future__ import annotations

from s3gw.identity.accounts import Principal
from s3gw.identity.tokens.principal import principal_of
from s3gw.identity.tokens.protocol import TokenError, TokenVerifier
from s3gw.wire.errors import Code, S3Error

SCHEME = "bearer"
# Every JWT begins with a JSON object in base64, and every JSON object with {" or a blank.
_JWT_START = ("eyJ", "eyA", "ewo", "ewk", "ew0", "e30")
_IN_TOKEN_PLACE = (
    "The provided token is a JSON Web Token, which this server takes in place of a session token "
    "only when auth.allow_s3_token_compat is on. Exchange it for temporary keys with STS' "
    "AssumeRoleWithWebIdentity, or send it as Authorization: Bearer."
)
_UNSIGNED_PLACE = (
    "A JSON Web Token cannot be used in a presigned URL or in a form: sign it with temporary keys "
    "of STS."
)


def bearer_token(authorization: str) -> str | None:
    """Return the token of an Authorization header; None for another scheme."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == SCHEME else None


def looks_like_jwt(token: str) -> bool:
    return token.count(".") == 2 and token.startswith(_JWT_START)


def not_in_token_place() -> S3Error:
    return S3Error(Code.InvalidToken, _IN_TOKEN_PLACE)


def refuse_jwt(token: str | None) -> None:
    """Refuse a JWT in places where it would be a password inside a URL."""
    if token is not None and looks_like_jwt(token):
        raise S3Error(Code.InvalidToken, _UNSIGNED_PLACE)


async def bearer(tokens: TokenVerifier, token: str) -> Principal:
    """Return the principal of a token. Raises `ExpiredToken` and `InvalidToken`."""
    try:
        return principal_of(await tokens.verify(token))
    except TokenError as error:
        if error.expired:
            raise S3Error(Code.ExpiredToken) from None
        raise S3Error(Code.InvalidToken, f"The provided token is not valid: {error}.") from None
