"""Errors of batches."""

from __future__ import annotations

from storage.errors import StorageError


class InvalidBatch(Exception):
    """The request is none; the text says why."""


class TooBusy(Exception):
    """There is no memory for another batch now."""

    retry_after_s = 1


class BatchStopped(Exception):
    """Somebody stopped the job that the batch belongs to."""


class BatchFailed(StorageError):
    """The batch ends here, because an entry failed. `cause` says how; `place` is which one."""

    def __init__(self, place: int, cause: StorageError) -> None:
        super().__init__(f"entry {place}: {cause}")
        self.place = place
        self.cause = cause


class TooManyFailures(BatchFailed):
    """More entries failed than may."""


class TookTooLong(StorageError):
    """The entry was not there in time."""


class SizeChanged(StorageError):
    """The entry is not what was told of it a moment ago."""
