"""Attempts to authenticate with a signature: which of them are guesses, and what they guess at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from s3gw.auth.throttle import Throttle, Throttled
from s3gw.wire.errors import Code, S3Error

# A request that came too late, or was signed for another region, is no guess.
_GUESSES = frozenset({Code.InvalidAccessKeyId, Code.SignatureDoesNotMatch, Code.InvalidToken})
_CREDENTIAL = re.compile(r"Credential=([^/,\s]{1,128})/")
# A form names its key in its body: all forms from an address count as one.
FORM = "POST form"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, before it is authenticated. `name` is the access key that it names, or empty:
    then only what fails is counted, and nothing is refused unread."""

    throttle: Throttle
    address: str
    name: str

    def check(self) -> None:
        """Raises `SlowDown` when too many failed before it."""
        if self.name:
            try:
                self.throttle.check(self.address, self.name)
            except Throttled as error:
                raise slow_down(error) from None

    def failed(self, error: S3Error) -> None:
        """Raises `SlowDown`, in place of the error, when too many failed at this address."""
        if error.code in _GUESSES:
            try:
                self.throttle.failed(self.address, self.name)
            except Throttled as throttled:
                raise slow_down(throttled) from None


def slow_down(error: Throttled) -> S3Error:
    return S3Error(Code.SlowDown, headers={"Retry-After": str(error.retry_after_s)})


def named_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The access key that the head of a request names; bearer tokens name none."""
    if found := _CREDENTIAL.search(headers.get("authorization", "")):
        return found[1]
    named = query.get("X-Amz-Credential", "").partition("/")[0] or query.get("AWSAccessKeyId", "")
    return named[:128]
