"""Errors of transformations, each with its status in HTTP.

Clients of AIStore repeat a request with status 5xx for minutes. So 503 is only for what another
attempt may cure; an object that the transformer cannot do is 422.
"""

from __future__ import annotations

RETRY_AFTER_S = 1


class EtlError(Exception):
    """A transformation, or an order about one, failed; the text says why."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadMessage(EtlError):
    """The message of a new transformer is invalid."""


class NoSuchEtl(EtlError):
    """There is no transformer of the name, or it is stopped."""

    status = 404


class EtlExists(EtlError):
    """There is one of the name."""

    status = 409


class NotStarted(EtlError):
    """The transformer could not be started."""

    status = 422


class Unavailable(EtlError):
    """The transformer is busy, or about to be started again."""

    status = 503


class TransformFailed(EtlError):
    """One object could not be transformed. `status` is the transformer's own where it is one of
    the client's errors."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status
