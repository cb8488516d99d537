"""Failed authentication at the native front end, slowed down as at the other."""

from __future__ import annotations

from s3gw.auth.throttle import Throttle, Throttled
from s3gw.native.errors import NativeError, Tcode

# A token names nobody before it is read, and nobody can guess one: whoever has a good one is never
# kept waiting for those who have not. What is counted is the address.
ANY_TOKEN = "bearer token"


def check_login(throttle: Throttle, client: str, user: str) -> None:
    """Before the password is looked at. Raises 429."""
    if throttle.is_idle:
        return
    try:
        throttle.check(client, login_name(user))
    except Throttled as error:
        raise _slow_down(error) from None


def note_failure(throttle: Throttle, client: str, name: str) -> None:
    """After it was wrong. Raises 429 when not even that is answered any more."""
    try:
        throttle.failed(client, name)
    except Throttled as error:
        raise _slow_down(error) from None


def login_name(user: str) -> str:
    """No access key has this name."""
    return f"user {user[:64]}"


def _slow_down(error: Throttled) -> NativeError:
    headers = {"Retry-After": str(error.retry_after_s)}
    return NativeError(429, str(error), Tcode.TOO_MANY, headers=headers)
