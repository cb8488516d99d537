"""Failed logins and bad tokens at the native API: counted where S3's bad signatures are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from s3gw.native.errors import NativeError, Tcode
from s3gw.throttle import Throttled

if TYPE_CHECKING:
    from s3gw.native.call import NativeCall


def check_guess(call: NativeCall, user: str) -> None:
    """Before the user's password is looked at. Raises 429."""
    if throttle := call.services.throttle:
        with _told():
            throttle.check(call.client, user)


def note_guess(call: NativeCall, user: str) -> None:
    """The password was wrong, or without a user the token was. Raises 429 when that happened too
    often."""
    if throttle := call.services.throttle:
        with _told():
            throttle.failed(call.client, user)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except Throttled as error:
        again = {"Retry-After": str(error.retry_after_s)}
        raise NativeError(429, str(error), Tcode.TOO_MANY, headers=again) from None
