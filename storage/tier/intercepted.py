"""A backend whose requests pass through a function: they are paced there, or counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from functools import partial
from typing import Any, Protocol, cast

from storage.backend import Backend


class Around(Protocol):
    """Makes the request of that method of a backend."""

    async def __call__(
        self, method: str, request: Callable[..., Awaitable[Any]], *arguments: Any, **options: Any
    ) -> Any: ...


class _Intercepted:
    def __init__(self, backend: Backend, methods: Container[str], around: Around) -> None:
        self._backend = backend
        self._methods = methods
        self._around = around

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._backend, name)
        return partial(self._around, name, found) if name in self._methods else found


def intercepted(backend: Backend, methods: Container[str], around: Around) -> Backend:
    """Return the same backend with `around` in the place of those of its methods."""
    return cast(Backend, _Intercepted(backend, methods, around))
