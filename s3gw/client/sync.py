"""The synchronous driver: calls over kept connections, from several threads at once.

A kept connection that the server has closed is noticed before a request is written to it, so that
requests which must not be repeated are safe on it, too.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from s3gw.client import retries
from s3gw.client.call import (
    BLOCK_BYTES,
    MAX_ERROR_BYTES,
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


class Stream:
    """A response whose body is read block by block."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.head = _head(response)

    def blocks(self) -> Iterator[bytes]:
        """Raises `ClientError` when it ends too early."""
        seen = 0
        try:
            while block := self._response.read(BLOCK_BYTES):
                seen += len(block)
                yield block
        except (OSError, http.client.HTTPException) as error:
            raise retries.broken_off(_reason(error)) from None
        retries.require_all(seen, self.head.size)


class Client:
    """Sends calls to one endpoint. Its methods may be called by several threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tries: int = retries.TRIES,
        pause_s: float = retries.FIRST_PAUSE_S,
    ) -> None:
        self.endpoint = endpoint
        self._pause_s = pause_s
        self._tries = tries
        self._parts = urlsplit(endpoint.url)
        self._trust: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._busy: set[http.client.HTTPConnection] = set()
        self._closed = threading.Event()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; calls of other threads end with an error."""
        self._closed.set()
        with self._lock:
            idle, busy = self._idle, list(self._busy)
            self._idle = []
        for connection in idle:
            connection.close()
        for connection in busy:
            # The thread that uses it sees its end, and closes it.
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def call(self, call: Call[T]) -> T:
        """Return the result of a call. Raises `ClientError`."""
        try:
            response = self.send(call.request)
        except ClientError as error:
            return call.result_for(error)
        return call.parse(response)

    def run(self, steps: Steps[T]) -> T:
        """Return the result of several calls. Raises `ClientError`."""
        result: Any = None
        error: ClientError | None = None
        while True:
            step = advance(steps, result, error)
            result, error = None, None
            match step:
                case Done(value):
                    return value
                case Pause(seconds):
                    self._closed.wait(seconds)
                case Call():
                    try:
                        result = self.call(step)
                    except ClientError as raised:
                        error = raised

    def pages(self, first: Call[Page[T]]) -> Iterator[list[T]]:
        call: Call[Page[T]] | None = first
        while call is not None:
            page = self.call(call)
            yield page.items
            call = page.next

    def items(self, first: Call[Page[T]]) -> Iterator[T]:
        """Return the items of all pages."""
        for page in self.pages(first):
            yield from page

    def receive(self, download: Download[T]) -> T:
        """Return the result of a receiver, when it has the whole body. Raises `ClientError`."""
        with download.receiver as receiver, self.open(download.request) as stream:
            receiver.begin(stream.head)
            for block in stream.blocks():
                receiver.write(block)
            return receiver.finish()

    def send(self, request: Request) -> Response:
        """Return a whole response with a good status. Raises `ClientError`."""
        return self._with_retries(request, self._read)

    @contextlib.contextmanager
    def open(self, request: Request) -> Iterator[Stream]:
        """Return a response with a good status, to be read within the context."""
        connection, response = self._with_retries(request, self._begin)
        try:
            yield Stream(response)
        finally:
            self._release(connection, response)

    def _with_retries(self, request: Request, attempt: Callable[[Request], T]) -> T:
        attempts = retries.Attempts(request, self._tries, self._pause_s)
        while True:
            try:
                return attempt(request)
            except ClientError as error:
                if self._closed.wait(attempts.pause_after(error)):
                    raise

    def _read(self, request: Request) -> Response:
        connection, response = self._begin(request)
        try:
            stream = Stream(response)
            body = b"".join(stream.blocks()) if request.method != "HEAD" else b""
            return Response(stream.head.status, stream.head.headers, body)
        finally:
            self._release(connection, response)

    def _begin(
        self, request: Request
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Return the head of a response with a good status, and its connection."""
        connection = self._connection()
        response = None
        try:
            response = self._exchange(connection, request)
            if response.status >= 300:
                raise _refusal(request, response, self.endpoint)
        except BaseException:
            # A server that refuses a body may not have read it.
            self._release(connection, response if request.body is None else None)
            raise
        return connection, response

    def _exchange(
        self, connection: http.client.HTTPConnection, request: Request
    ) -> http.client.HTTPResponse:
        timeout_s = request.timeout_for(self.endpoint)
        try:
            connection.sock.settimeout(timeout_s)
            # A server may refuse before it has read the body; its response is read then.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._write(connection, request)
            return connection.getresponse()
        except TimeoutError:
            raise retries.timed_out(self.endpoint, timeout_s) from None
        except (OSError, http.client.HTTPException) as error:
            is_transient = not self._closed.is_set()
            raise retries.broken(self.endpoint, _reason(error), is_transient=is_transient) from None

    def _write(self, connection: http.client.HTTPConnection, request: Request) -> None:
        body = request.body.blocks() if request.body is not None else request.payload
        headers = {
            name: value.encode().decode("latin-1")
            for name, value in request.headers_for(self.endpoint).items()
        }
        connection.request(request.method, self._parts.path + request.target, body, headers)

    def _connection(self) -> http.client.HTTPConnection:
        """Return an open connection, for this thread until it is released."""
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not _is_dropped(connection):
                    self._busy.add(connection)
                    return connection
                connection.close()
        connection = self._new_connection()
        with self._lock:
            self._busy.add(connection)
        try:
            connection.connect()
        except ssl.SSLError as error:
            self._release(connection, None)
            raise retries.no_tls(self.endpoint.url, error) from None
        except OSError as error:
            self._release(connection, None)
            raise retries.unreachable(self.endpoint, _reason(error)) from None
        return connection

    def _new_connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        timeout = self.endpoint.connect_timeout_s
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout)
        if self._trust is None:
            self._trust = retries.trust(self.endpoint)
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._trust)

    def _release(
        self,
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse | None,
    ) -> None:
        """Keep a connection whose response was read to the end."""
        is_good = response is not None and response.isclosed() and not response.will_close
        with self._lock:
            self._busy.discard(connection)
            if is_good and connection.sock is not None and not self._closed.is_set():
                self._idle.append(connection)
                return
        connection.close()


def _is_dropped(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has closed it, or has sent something without a request."""
    if connection.sock is None:
        return True
    return bool(select.select([connection.sock], [], [], 0)[0])


def _head(response: http.client.HTTPResponse) -> ResponseHead:
    pairs = [
        (name, value.encode("latin-1", "replace").decode(errors="replace"))
        for name, value in response.headers.items()
    ]
    return ResponseHead(response.status, Headers(pairs))


def _refusal(
    request: Request, response: http.client.HTTPResponse, endpoint: Endpoint
) -> ClientError:
    body = b""
    with contextlib.suppress(OSError, http.client.HTTPException):
        body = b"" if request.method == "HEAD" else response.read(MAX_ERROR_BYTES)
    return retries.refusal(request, _head(response), body, endpoint)


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed it"
    return retries.reason_of(error)
