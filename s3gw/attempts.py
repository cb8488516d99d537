"""Failed authentication with access keys, at S3 and at STS: what counts as a guess, and who made
it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from s3gw.errors import Code, S3Error
from s3gw.throttle import Throttle, Throttled

# A request that came too late, or was signed for another region, is no guess.
_GUESSES = frozenset({Code.InvalidAccessKeyId, Code.SignatureDoesNotMatch, Code.InvalidToken})
_CREDENTIAL = re.compile(r"Credential=([^/,\s]{1,128})/")


class Attempt(Protocol):
    """A request that proves its caller; `client` is the address that it came from."""

    @property
    def client(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def query(self) -> Mapping[str, str]: ...


def check_attempt(throttle: Throttle, call: Attempt) -> None:
    """Before the request is authenticated. Raises `SlowDown`."""
    if throttle.is_idle:
        return
    try:
        throttle.check(call.client, named_key(call))
    except Throttled as error:
        raise slow_down(error) from None


def note_failure(throttle: Throttle, call: Attempt, error: S3Error) -> None:
    """After authentication failed. Raises `SlowDown` instead of the error when there were too
    many."""
    if error.code not in _GUESSES:
        return
    try:
        throttle.failed(call.client, named_key(call))
    except Throttled as throttled:
        raise slow_down(throttled) from None


def slow_down(error: Throttled) -> S3Error:
    return S3Error(Code.SlowDown, headers={"Retry-After": str(error.retry_after_s)})


def named_key(call: Attempt) -> str:
    """The access key that the request names in its head; forms and tokens name none."""
    if found := _CREDENTIAL.search(call.headers.get("authorization", "")):
        return found[1]
    query = call.query
    named = query.get("X-Amz-Credential", "").partition("/")[0] or query.get("AWSAccessKeyId", "")
    return named[:128]
