"""Streams that can be closed before they are begun."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import TracebackType


class ClosableStream(AsyncGenerator[bytes, None]):
    """A stream that is not a generator function: one that was never begun would not let its
    connection go when it is closed."""

    async def athrow(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> bytes:
        await self.aclose()
        if isinstance(typ, BaseException):
            raise typ
        raise val if isinstance(val, BaseException) else typ()
