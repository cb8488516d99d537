"""Throttling of authentication by signature: which failures count as guesses."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from s3gw.auth.throttle import Throttle, Throttled
from s3gw.wire.errors import Code, S3Error

# A request that came too late, or was signed for another region, is not a guess.
_GUESSES = frozenset({Code.InvalidAccessKeyId, Code.SignatureDoesNotMatch, Code.InvalidToken})
_CREDENTIAL = re.compile(r"Credential=([^/,\s]{1,128})/")
# A form names its key in its body: all forms from an address count as one.
FORM = "POST form"


class Attempt(Struct, frozen=True):
    """One request, before it is authenticated. `name` is its access key, or empty: then failures
    are counted, but no request is refused unread."""

    throttle: Throttle
    address: str
    name: str

    def check(self) -> None:
        """Raise `SlowDown` when too many attempts failed before this one."""
        if self.name:
            try:
                self.throttle.check(self.address, self.name)
            except Throttled as error:
                raise slow_down(error) from None

    def failed(self, error: S3Error) -> None:
        """Raise `SlowDown`, in place of the error, when too many attempts failed at this
        address."""
        if error.code in _GUESSES:
            try:
                self.throttle.failed(self.address, self.name)
            except Throttled as throttled:
                raise slow_down(throttled) from None


def slow_down(error: Throttled) -> S3Error:
    return S3Error(Code.SlowDown, headers={"Retry-After": str(error.retry_after_s)})


def named_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """Return the access key in the head of a request; empty with a bearer token."""
    if found := _CREDENTIAL.search(headers.get("authorization", "")):
        return found[1]
    named = query.get("X-Amz-Credential", "").partition("/")[0] or query.get("AWSAccessKeyId", "")
    return named[:128]
