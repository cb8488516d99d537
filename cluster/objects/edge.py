"""The edge of the store: failures of the database as errors of storage."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from cluster.database.errors import DatabaseError
from storage.errors import DatabaseUnavailable

P = ParamSpec("P")
T = TypeVar("T")


def at_edge(
    operation: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return the operation that raises `DatabaseUnavailable` where the database fails."""

    @wraps(operation)
    async def translated(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await operation(*args, **kwargs)
        except DatabaseError as error:
            raise DatabaseUnavailable(str(error)) from error

    return translated
