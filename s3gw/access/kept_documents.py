"""Parsed documents of a process; long ones are parsed in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 1024
# Some dozen patterns, the worst of which take a third of a millisecond each.
_SHORT = 256


class KeptDocuments(Generic[T]):
    """Documents by the texts that they are parsed from. For any thread."""

    def __init__(self, parse: Callable[..., T], refusal: type[Exception]) -> None:
        """`refusal` is what parsing raises."""
        self._parse = parse
        self._refusal = refusal
        self._parsed: dict[tuple[str, ...], T] = {}

    def get(self, *texts: str) -> T:
        """Raises what parsing does."""
        found = self._parsed.get(texts)
        if found is None:
            found = self._parsed[texts] = self._parse(*texts)
            with suppress(KeyError, RuntimeError):  # another thread was here
                if len(self._parsed) > _MOST:
                    del self._parsed[next(iter(self._parsed))]
        return found

    async def read_ahead(self, *texts: str) -> None:
        """Parse a long document in a thread, so that `get` has it. What parsing raises, `get` will
        raise again."""
        if texts not in self._parsed and sum(map(len, texts)) > _SHORT:
            with suppress(self._refusal):
                await asyncio.to_thread(self.get, *texts)
