"""Requests to Cloud Storage, and its answers as values.

The connections are opened at the first request."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from storage.backends.gcp.options import GcpOptions
from storage.backends.gcp.place import Place
from storage.errors import BackendDenied, BackendError

if TYPE_CHECKING:
    from storage.backends.gcp.wire import Answer, Request, Wire

T = TypeVar("T")


class Remote:
    """Belongs to one event loop of one process."""

    def __init__(self, options: GcpOptions) -> None:
        self.options = options
        self._opening = asyncio.Lock()
        self._wire: Wire | None = None
        self._module: ModuleType | None = None

    async def wire(self) -> Wire:
        async with self._opening:
            if self._wire is None:
                self._module = await asyncio.to_thread(_import_wire)
                self._wire = self._module.Wire(self.options)
            return self._wire

    async def call(self, place: Place, method: str, path: str, **request: Any) -> Answer:
        """Send a request and read its answer; `request` has further fields of a `Request`. Raises
        errors of storage."""
        wire = await self.wire()
        return await wire.call(self._request(method, path, **request), place)

    async def ask(self, kind: type[T], place: Place, method: str, path: str, **request: Any) -> T:
        """Return the answer of the JSON API as a value of that kind."""
        return read(kind, await self.call(place, method, path, **request), place)

    async def open(self, place: Place, path: str, **request: Any) -> Any:
        """Send a GET for a body, and return aiohttp's answer."""
        wire = await self.wire()
        return await wire.open(self._request("GET", path, **request), place)

    async def project(self) -> str:
        """Return the project that buckets are created and listed in. Raise `BackendDenied` if it is
        unknown."""
        wire = await self.wire()
        if not self.options.project:
            try:
                await wire.tokens.headers()
            except self.foreign as error:
                raise self.translated(error, Place()) from None
        found = self.options.project or wire.tokens.project
        if not found:
            text = "set GOOGLE_CLOUD_PROJECT: buckets are made and listed in a project"
            raise BackendDenied(str(Place()), "NoProject", text)
        return found

    @property
    def foreign(self) -> tuple[type[BaseException], ...]:
        """The exceptions of the libraries, once there is an answer."""
        assert self._module is not None
        found: tuple[type[BaseException], ...] = self._module.FOREIGN
        return found

    def translated(self, error: BaseException, place: Place) -> Exception:
        assert self._module is not None
        found: Exception = self._module.translated(error, place)
        return found

    async def pause(self, attempt: int) -> None:
        """Wait before what failed that often is tried again."""
        wire = await self.wire()
        await wire.pause(attempt)

    def _request(self, method: str, path: str, **request: Any) -> Request:
        assert self._module is not None
        made: Request = self._module.Request(method, path, **request)
        return made

    async def aclose(self) -> None:
        """Close every connection."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.aclose()


def read(kind: type[T], answer: Answer, place: Place) -> T:
    """Numbers come as text there. Raise `BackendError` for an answer of another shape."""
    try:
        return msgspec.json.decode(answer.content, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BackendError(str(place), "InvalidResponse", "it is not what was asked for") from None


def as_json(document: Any) -> bytes:
    return msgspec.json.encode(document)


def _import_wire() -> ModuleType:
    from storage.backends.gcp import wire

    return wire
