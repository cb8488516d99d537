"""Throttle of failed authentication at the native front end, as at S3's."""

from __future__ import annotations

from s3gw.auth.throttle import Throttle, Throttled
from s3gw.native.errors import NativeError, Tcode

# A token has no name before it is read, and cannot be guessed: callers with a valid one never wait
# because of failures of others. Failures are counted by address.
ANY_TOKEN = "bearer token"


def check_login(throttle: Throttle, client: str, user: str) -> None:
    """Raise 429 after too many failures. Call it before the password is checked."""
    if throttle.is_idle:
        return
    try:
        throttle.check(client, login_name(user))
    except Throttled as error:
        raise _slow_down(error) from None


def note_failure(throttle: Throttle, client: str, name: str) -> None:
    """Count a wrong password. Raise 429 when even that is not answered any more."""
    try:
        throttle.failed(client, name)
    except Throttled as error:
        raise _slow_down(error) from None


def login_name(user: str) -> str:
    """Return a name for the throttle that no access key has."""
    return f"user {user[:64]}"


def _slow_down(error: Throttled) -> NativeError:
    headers = {"Retry-After": str(error.retry_after_s)}
    return NativeError(429, str(error), Tcode.TOO_MANY, headers=headers)
