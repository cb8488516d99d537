"""The interface of the web: questions, and their answers.

The implementation keeps to the server's rules about addresses.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct, field


class Question(Struct, frozen=True):
    """One GET or HEAD; `subject` names the object in errors. Each wait may take `idle_s`.
    `origin_headers` are for the URL's own origin, and not for others that it redirects to."""

    url: str
    subject: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    idle_s: float = 60.0
    origin_headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Answer(Protocol):
    """The answer after all redirects; header names in lower case, values in ASCII."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def read(self, most: int) -> bytes:
        """Return the next bytes as they were sent, empty at the end. Raises
        `BackendUnavailable`."""
        ...

    def close(self) -> None:
        """Let the connection go; it is kept for another question if the body was read."""
        ...


class Web(Protocol):
    async def ask(self, question: Question) -> Answer:
        """Raises `BackendUnavailable` and `AddressRefused`."""
        ...

    async def aclose(self) -> None: ...
