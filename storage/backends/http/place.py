"""The subject of a request, as errors name it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from msgspec import field

from storage.secret_fields import WithSecretFields

PROVIDER = "ht"


class Place(WithSecretFields, frozen=True):
    """One object: the URL to ask, which may hold a secret in its query, its name, and its name in
    errors; `origin_headers` are sent to the URL's own origin, and not where it redirects to."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"url", "origin_headers"})

    url: str
    name: str
    subject: str
    origin_headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return self.subject
