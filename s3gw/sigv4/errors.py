"""Errors of signatures and of signed bodies, in AWS' words.

An authorization fails in one of three ways: it cannot be read, it was not calculated from this
request and this secret, or the body does not match the head.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from enum import Enum, auto, unique


@unique
class Malformed(Enum):
    """What is wrong with an authorization that cannot be read."""

    ALGORITHM = auto()
    COMPONENTS = auto()
    CREDENTIAL = auto()
    DATE = auto()
    EXPIRES = auto()
    SIGNED_HEADERS = auto()


@unique
class Broken(Enum):
    """What is wrong with an aws-chunked body."""

    FRAMING = auto()
    LENGTH = auto()
    SIGNATURE = auto()
    TRAILERS = auto()
    TRUNCATED = auto()


class AuthorizationMalformed(ValueError):
    """The authorization cannot be read; the message names the part."""

    def __init__(self, reason: Malformed, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SignatureMismatch(Exception):
    """The signature was not calculated from this request with this secret.

    The strings are those that AWS shows to the client; they have no secret, but must not be logged.
    """

    def __init__(self, provided: str, string_to_sign: str, canonical_request: str = "") -> None:
        super().__init__("signature mismatch")
        self.provided = provided
        self.string_to_sign = string_to_sign
        self.canonical_request = canonical_request


class ChunkedError(ValueError):
    """The body breaks the framing, the announced length, the announced trailers or a signature."""

    def __init__(self, reason: Broken, message: str) -> None:
        super().__init__(message)
        self.reason = reason
