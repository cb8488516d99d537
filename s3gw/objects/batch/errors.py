"""Errors of batches."""

from __future__ import annotations

from s3gw.http.memory_room import TooBusy as TooBusy
from storage.errors import StorageError


class InvalidBatch(Exception):
    """The request is not a valid batch; the text says why."""


class BatchStopped(Exception):
    """The job that the batch belongs to was stopped."""


class BatchFailed(StorageError):
    """The batch ends here, because an entry failed. `cause` is the entry's error, `place` its
    index."""

    def __init__(self, place: int, cause: StorageError) -> None:
        super().__init__(f"entry {place}: {cause}")
        self.place = place
        self.cause = cause


class TooManyFailures(BatchFailed):
    """More entries failed than the limit."""


class TookTooLong(StorageError):
    """The entry could not be read in time."""


class SizeChanged(StorageError):
    """The entry is not the one that was looked up a moment ago."""
