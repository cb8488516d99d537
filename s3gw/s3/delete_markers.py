"""Delete markers under operations that take the newest version for an object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import DeleteMarkerFound


@contextmanager
def refusing_markers() -> Iterator[None]:
    """Refuse a newest version that is a delete marker as if the request had named it: with
    MethodNotAllowed, where reading it would be NoSuchKey."""
    try:
        yield
    except DeleteMarkerFound as error:
        raise DeleteMarkerFound(str(error), error.version, error.modified_ns, named=True) from error
