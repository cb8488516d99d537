"""Errors that keep a server from starting, apart from those of requests."""

from __future__ import annotations

from storage.errors import StorageError


class MountpathError(StorageError):
    """The data folders cannot be used as they are; the text says what to do."""
