"""Refusals of an adoption."""

from __future__ import annotations

from storage.errors import StorageError


class AdoptionRefused(StorageError):
    """The store cannot be adopted as things are; the text says why, and what to do."""
