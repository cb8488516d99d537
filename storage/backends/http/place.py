"""The subject of a request, as errors name it."""

from __future__ import annotations

from msgspec import Struct

PROVIDER = "ht"


class Place(Struct, frozen=True):
    """One object: the URL to ask, which may hold a secret in its query, and the name to show."""

    url: str
    name: str
    shown: str

    def __str__(self) -> str:
        return self.shown
