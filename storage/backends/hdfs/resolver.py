"""Resolver for the names of datanodes, which keeps to the rules for redirects."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from storage.backends.hdfs.redirects import Redirects


class DatanodeResolver(AbstractResolver):
    """Addresses that a datanode cannot have are left out; a name without any other is unknown. An
    address in a URL is not resolved: `Redirects.target` has seen it."""

    def __init__(self, redirects: Redirects) -> None:
        self._redirects = redirects
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        good = [each for each in found if self._redirects.may_connect(host, each["host"])]
        if not good:
            raise OSError(f"{host[:100]} has no address that a datanode may have")
        return good

    async def close(self) -> None:
        await self._inner.close()
