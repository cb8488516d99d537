"""One S3 endpoint: its clients, and the border for foreign errors.

A client is made when it is first used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum, auto
from types import ModuleType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from storage.backends.aws.options import AwsOptions
from storage.backends.aws.place import Place
from storage.errors import StorageError

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


class Use(Enum):
    """The kinds of requests, each with connections of its own. One whose condition would not hold
    any more if it was done and its answer got lost is sent ONCE; one that is made while the body of
    another answer waits goes ASIDE, or all connections could be waiting for one."""

    REPEATED = auto()
    ONCE = auto()
    ASIDE = auto()


class Remote:
    """Belongs to one event loop of one process."""

    def __init__(self, options: AwsOptions) -> None:
        self.options = options
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._sdk: ModuleType | None = None
        self._session: Any = None
        self._clients: dict[Use, S3Client] = {}

    @asynccontextmanager
    async def client(self, place: Place, use: Use = Use.REPEATED) -> AsyncIterator[S3Client]:
        """A client whose errors leave the block as those of storage."""
        if self._sdk is None:
            self._sdk = await asyncio.to_thread(_import_sdk)
        sdk = self._sdk
        try:
            yield self._clients.get(use) or await self._open(sdk, use)
        except sdk.FOREIGN as error:
            raise sdk.translated(error, place) from None

    async def _open(self, sdk: ModuleType, use: Use) -> S3Client:
        async with self._opening:
            if use not in self._clients:
                if self._session is None:
                    self._session = await asyncio.to_thread(sdk.new_session, self.options)
                options = self.options
                if use is Use.ONCE:
                    options = replace(options, attempts=1)
                self._clients[use] = await sdk.open_client(self._session, options, self._stack)
            return self._clients[use]

    def listed_error(self, row: Mapping[str, str], place: Place) -> StorageError:
        """The error of a row in an answer, where each object has its own."""
        assert self._sdk is not None, "an answer comes from a client"
        error: StorageError = self._sdk.by_code(row.get("Code", ""), row.get("Message", ""), place)
        return error

    async def aclose(self) -> None:
        """Close every connection."""
        self._clients.clear()
        await self._stack.aclose()


def _import_sdk() -> ModuleType:
    from storage.backends.aws import sdk

    return sdk
