"""Both drivers of the client behind one blocking interface, so that a test runs through each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from s3gw.client.aio import AsyncClient, AsyncStream
from s3gw.client.call import Call, Download, Page, Request, Response, ResponseHead, Steps
from s3gw.client.endpoint import Endpoint
from s3gw.client.sync import Client

T = TypeVar("T")


class Stream(Protocol):
    @property
    def head(self) -> ResponseHead: ...
    def blocks(self) -> Iterator[bytes]: ...


class Driver(Protocol):
    """What both can do, blocking."""

    def __enter__(self) -> Driver: ...
    def __exit__(self, *exc: object) -> None: ...
    def call(self, call: Call[T]) -> T: ...
    def run(self, steps: Steps[T]) -> T: ...
    def items(self, first: Call[Page[T]]) -> Iterator[T]: ...
    def receive(self, download: Download[T]) -> T: ...
    def send(self, request: Request) -> Response: ...
    def open(self, request: Request) -> AbstractContextManager[Stream]: ...


MakeDriver = Callable[[Endpoint], Driver]


def sync_driver(endpoint: Endpoint) -> Driver:
    driver: Any = Client(endpoint, pause_s=0.0)
    blocking: Driver = driver
    return blocking


class AsyncDriver:
    """`AsyncClient` in an event loop of its own, which runs while a method is called."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._client = AsyncClient(endpoint, pause_s=0.0)
        self._runner = asyncio.Runner()

    def __enter__(self) -> AsyncDriver:
        try:
            self._runner.run(self._client.__aenter__())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._runner.run(self._client.__aexit__())
        self._runner.close()

    def call(self, call: Call[T]) -> T:
        return self._runner.run(self._client.call(call))

    def run(self, steps: Steps[T]) -> T:
        return self._runner.run(self._client.run(steps))

    def items(self, first: Call[Page[T]]) -> Iterator[T]:
        return self._iterated(self._client.items(first))

    def receive(self, download: Download[T]) -> T:
        return self._runner.run(self._client.receive(download))

    def send(self, request: Request) -> Response:
        return self._runner.run(self._client.send(request))

    @contextlib.contextmanager
    def open(self, request: Request) -> Iterator[Stream]:
        context = self._client.open(request)
        stream = self._runner.run(_entered(context))
        try:
            yield _BlockingStream(stream, self._iterated)
        finally:
            self._runner.run(_left(context))

    def _iterated(self, source: AsyncIterator[T]) -> Iterator[T]:
        while (item := self._runner.run(_next(source))) is not None:
            yield item


class _BlockingStream:
    def __init__(
        self,
        stream: AsyncStream,
        iterated: Callable[[AsyncIterator[bytes]], Iterator[bytes]],
    ) -> None:
        self._stream = stream
        self._iterated = iterated

    @property
    def head(self) -> ResponseHead:
        return self._stream.head

    def blocks(self) -> Iterator[bytes]:
        return self._iterated(self._stream.blocks())


async def _next(source: AsyncIterator[T]) -> T | None:
    return await anext(source, None)


async def _entered(context: contextlib.AbstractAsyncContextManager[T]) -> T:
    return await context.__aenter__()


async def _left(context: contextlib.AbstractAsyncContextManager[T]) -> None:
    await context.__aexit__(None, None, None)


DRIVERS: dict[str, MakeDriver] = {"sync": sync_driver, "aio": AsyncDriver}
