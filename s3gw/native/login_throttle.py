"""Failed authentication at the native front end, slowed down as at the other."""

from __future__ import annotations

from s3gw.auth.throttle import Throttled
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode

# A token names nobody before it is read, and nobody can guess one: whoever has a good one is never
# kept waiting for those who have not. What is counted is the address.
ANY_TOKEN = "bearer token"


def check_login(call: NativeCall, user: str) -> None:
    """Before the password is looked at. Raises 429."""
    throttle = call.services.throttle
    if throttle is None or throttle.is_idle:
        return
    try:
        throttle.check(call.client, login_name(user))
    except Throttled as error:
        raise _slow_down(error) from None


def note_failure(call: NativeCall, name: str) -> None:
    """After it was wrong. Raises 429 when not even that shall be told."""
    if call.services.throttle is None:
        return
    try:
        call.services.throttle.failed(call.client, name)
    except Throttled as error:
        raise _slow_down(error) from None


def login_name(user: str) -> str:
    """No access key has this name."""
    return f"user {user[:64]}"


def _slow_down(error: Throttled) -> NativeError:
    headers = {"Retry-After": str(error.retry_after_s)}
    return NativeError(429, str(error), Tcode.TOO_MANY, headers=headers)
