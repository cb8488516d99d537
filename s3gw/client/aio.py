"""The asynchronous driver: the same calls with aiohttp, in an event loop.

Requests are repeated as the synchronous driver repeats them, and fail with the same errors. Blocks
of local files are read and written in threads, so the loop is never blocked by a disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from s3gw.client import retries
from s3gw.client.call import (
    BLOCK_BYTES,
    MAX_ERROR_BYTES,
    Body,
    Call,
    Done,
    Download,
    Headers,
    Page,
    Pause,
    Request,
    Response,
    ResponseHead,
    Steps,
    advance,
)
from s3gw.client.endpoint import Endpoint
from s3gw.client.errors import ClientError

T = TypeVar("T")


class AsyncStream:
    """A response whose body is read block by block."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.head = _head(response)

    async def blocks(self) -> AsyncIterator[bytes]:
        """Raises `ClientError` when it ends too early."""
        seen = 0
        try:
            async for block in self._response.content.iter_chunked(BLOCK_BYTES):
                seen += len(block)
                yield block
        except aiohttp.ClientPayloadError:
            retries.require_all(seen, self.head.size)
            raise retries.broken_off("the server closed it") from None
        except (OSError, aiohttp.ClientError) as error:
            raise retries.broken_off(_reason(error)) from None
        retries.require_all(seen, self.head.size)


class AsyncClient:
    """Sends calls to one endpoint, for any number of tasks of one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tries: int = retries.TRIES,
        pause_s: float = retries.FIRST_PAUSE_S,
    ) -> None:
        self.endpoint = endpoint
        self._tries = tries
        self._pause_s = pause_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> AsyncClient:
        """Raises `BadSetting` for certificates that cannot be used."""
        is_tls = self.endpoint.url.startswith("https:")
        context: ssl.SSLContext | bool = retries.trust(self.endpoint) if is_tls else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Content-Type"),
        )
        # aiohttp would repeat a DELETE on a connection that broke; `Attempts` decides here.
        self._session._retry_connection = False
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, call: Call[T]) -> T:
        """Return the result of a call. Raises `ClientError`."""
        try:
            response = await self.send(call.request)
        except ClientError as error:
            return call.result_for(error)
        return call.parse(response)

    async def run(self, steps: Steps[T]) -> T:
        """Return the result of several calls. Raises `ClientError`."""
        result: Any = None
        error: ClientError | None = None
        while True:
            # Between two calls the steps may read a file.
            step = await asyncio.to_thread(advance, steps, result, error)
            result, error = None, None
            match step:
                case Done(value):
                    return value
                case Pause(seconds):
                    await asyncio.sleep(seconds)
                case Call():
                    try:
                        result = await self.call(step)
                    except ClientError as raised:
                        error = raised

    async def pages(self, first: Call[Page[T]]) -> AsyncIterator[list[T]]:
        call: Call[Page[T]] | None = first
        while call is not None:
            page = await self.call(call)
            yield page.items
            call = page.next

    async def items(self, first: Call[Page[T]]) -> AsyncIterator[T]:
        """Return the items of all pages."""
        async for page in self.pages(first):
            for item in page:
                yield item

    async def receive(self, download: Download[T]) -> T:
        """Return the result of a receiver, when it has the whole body. Raises `ClientError`."""
        with download.receiver as receiver:
            async with self.open(download.request) as stream:
                receiver.begin(stream.head)
                async for block in stream.blocks():
                    await asyncio.to_thread(receiver.write, block)
                return await asyncio.to_thread(receiver.finish)

    async def send(self, request: Request) -> Response:
        """Return a whole response with a good status. Raises `ClientError`."""
        return await self._with_retries(request, self._read)

    @contextlib.asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncStream]:
        """Return a response with a good status, to be read within the context."""
        response = await self._with_retries(request, self._begin)
        async with response:
            yield AsyncStream(response)

    async def _with_retries(
        self, request: Request, attempt: Callable[[Request], Awaitable[T]]
    ) -> T:
        attempts = retries.Attempts(request, self._tries, self._pause_s)
        while True:
            try:
                return await attempt(request)
            except ClientError as error:
                await asyncio.sleep(attempts.pause_after(error))

    async def _read(self, request: Request) -> Response:
        async with await self._begin(request) as response:
            stream = AsyncStream(response)
            is_head = request.method == "HEAD"
            body = b"" if is_head else b"".join([block async for block in stream.blocks()])
            return Response(stream.head.status, stream.head.headers, body)

    async def _begin(self, request: Request) -> aiohttp.ClientResponse:
        """Return the head of a response with a good status."""
        assert self._session is not None, "use it as a context"
        if not request.may_repeat:
            await _notice_closed_connections()
        upload = None if request.body is None else _Upload(request.body)
        timeout_s = request.timeout_for(self.endpoint)
        try:
            response = await self._session.request(
                request.method,
                URL(self.endpoint.url + request.target, encoded=True),
                data=request.payload if upload is None else upload.blocks(),
                headers=request.headers_for(self.endpoint),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    sock_connect=self.endpoint.connect_timeout_s,
                    sock_read=timeout_s,
                ),
            )
        except (OSError, aiohttp.ClientError) as error:
            if upload is not None and upload.error is not None:
                raise upload.error from None
            raise self._translated(error, timeout_s) from None
        if response.status >= 300:
            async with response:
                raise await self._refusal(request, response)
        return response

    async def _refusal(self, request: Request, response: aiohttp.ClientResponse) -> ClientError:
        body = b""
        if request.method != "HEAD":
            with contextlib.suppress(OSError, aiohttp.ClientError):
                body = await response.content.read(MAX_ERROR_BYTES)
        return retries.refusal(request, _head(response), body, self.endpoint)

    def _translated(self, error: Exception, timeout_s: float | None) -> ClientError:
        match error:
            case aiohttp.ClientConnectorCertificateError():
                return self._untrusted(error.certificate_error)
            case aiohttp.ClientConnectorSSLError():
                return self._untrusted(error.os_error)
            case aiohttp.ClientConnectorError():
                return retries.unreachable(self.endpoint, _reason(error.os_error))
            case aiohttp.ConnectionTimeoutError():
                return retries.unreachable(self.endpoint, retries.reason_of(TimeoutError()))
            case TimeoutError():
                return retries.timed_out(self.endpoint, timeout_s)
        return retries.broken(self.endpoint, _reason(error))

    def _untrusted(self, error: Exception) -> ClientError:
        if isinstance(error, ssl.SSLError):
            return retries.no_tls(self.endpoint.url, error)
        return retries.unreachable(self.endpoint, _reason(error))


class _Upload:
    """The blocks of a body, read in threads. aiohttp hides an error among its own: `error` keeps
    it."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self.error: ClientError | None = None

    async def blocks(self) -> AsyncIterator[bytes]:
        try:
            source: Iterator[bytes] = iter(self._body.blocks())
            while (block := await asyncio.to_thread(next, source, None)) is not None:
                yield block
        except ClientError as error:
            self.error = error
            raise


async def _notice_closed_connections() -> None:
    """Let the loop read what has arrived, so that aiohttp drops a kept connection that the server
    has closed. The first turn of the loop looks at the sockets, the second one handles them."""
    for _ in range(2):
        await asyncio.sleep(0)


def _head(response: aiohttp.ClientResponse) -> ResponseHead:
    return ResponseHead(response.status, Headers.decoded(response.raw_headers))


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed it"
    return retries.reason_of(error)
