"""Answers that are not the object, as errors of storage."""

from __future__ import annotations

from storage.backends.http.place import Place
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    ObjectNotFound,
    RangeNotSatisfiable,
    StorageError,
)

# A 4xx that another attempt may not have.
_LATER = frozenset({408, 421, 423, 425})
_BUSY = frozenset({429, 503})
_GONE = frozenset({404, 410})


def refused(status: int, place: Place) -> StorageError:
    """Return the error for the status of an answer that has not the object's bytes."""
    code = f"HTTP {status}"
    if status in _GONE:
        return ObjectNotFound(place.name)
    if status in _BUSY:
        return BackendBusy(str(place), code)
    if status in _LATER or status >= 500:
        return BackendUnavailable(str(place), code)
    if status >= 400:
        return BackendDenied(str(place), code)
    return BackendError(str(place), code, "the answer is not an object")


def malformed(place: Place, what: str) -> BackendUnavailable:
    """Return the error for an answer that contradicts itself."""
    return BackendUnavailable(str(place), "InvalidResponse", what)


def out_of_range(headers_size: int | None) -> RangeNotSatisfiable:
    return RangeNotSatisfiable(-1 if headers_size is None else headers_size)
