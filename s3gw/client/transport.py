"""Requests over kept connections, for several threads at once.

A request that changes nothing, or that comes to the same when it is made twice, is repeated when
the connection breaks or the server asks for patience. A kept connection that the server has closed
meanwhile is seen before a request is written to it, so that others need no repeating either.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPMessage
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from s3gw import __version__
from s3gw.client.endpoint import Endpoint
from s3gw.client.errors import BadSetting, ClientError, Unreachable, refused

BLOCK_BYTES = 1 << 18
TRIES = 4
FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 20.0
_MAX_ERROR_BYTES = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Body:
    """`blocks` begins anew with each call, unless `once`. Without a size it is sent in chunks."""

    blocks: Callable[[], Iterable[bytes]]
    size: int | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """`path` follows `/v1/` and is percent-encoded. A `message` is sent as JSON. `patience_s`
    takes the place of the endpoint's read timeout; 0 is for ever."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    message: Any = None
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    patience_s: float | None = None

    @property
    def may_repeat(self) -> bool:
        if self.body is not None and self.body.once:
            return False
        return self.method in ("GET", "HEAD") or (self.method == "PUT" and self.body is not None)

    @property
    def target(self) -> str:
        query = urlencode(self.query, quote_via=quote, safe="")
        return f"/v1/{self.path}?{query}" if query else f"/v1/{self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Names of headers in any case."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise ClientError("the server's answer is no JSON: is it s3gw?") from None


class Stream:
    """An answer whose body is read block by block. `size` is None when the server did not say."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers
        length = response.headers.get("Content-Length")
        self.size = int(length) if length is not None else None

    def blocks(self) -> Iterator[bytes]:
        """Raises `ClientError` when it ends too early."""
        seen = 0
        try:
            while block := self._response.read(BLOCK_BYTES):
                seen += len(block)
                yield block
        except (OSError, http.client.HTTPException) as error:
            raise ClientError(f"the answer broke off: {_why(error)}", may_pass=True) from None
        if self.size is not None and seen != self.size:
            raise ClientError(f"the answer broke off after {seen} of {self.size} bytes")


class Client:
    """Talks to one endpoint. Its methods may be called by several threads."""

    def __init__(
        self, endpoint: Endpoint, *, tries: int = TRIES, pause_s: float = FIRST_PAUSE_S
    ) -> None:
        """`pause_s` is waited before the second try, and thrice as long before each other."""
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
        """Also what other threads are waiting for ends, with an error."""
        self._closed.set()
        with self._lock:
            idle, busy = self._idle, list(self._busy)
            self._idle = []
        for connection in idle:
            connection.close()
        for connection in busy:
            # Whoever uses it sees its end, and closes it.
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def send(self, request: Request) -> Answer:
        """The whole answer, which is a good one. Raises `ClientError`."""
        return self._patiently(request, self._read)

    @contextlib.contextmanager
    def open(self, request: Request) -> Iterator[Stream]:
        """A good answer, to be read within the context. Raises `ClientError`."""
        connection, response = self._patiently(request, self._begin)
        try:
            yield Stream(response)
        finally:
            self._release(connection, response)

    def _patiently(self, request: Request, attempt: Callable[[Request], T]) -> T:
        pause_s = self._pause_s
        for tries_left in reversed(range(self._tries if request.may_repeat else 1)):
            try:
                return attempt(request)
            except ClientError as error:
                if not (tries_left and error.may_pass) or error.after_s > _LONGEST_PAUSE_S:
                    raise
                if self._closed.wait(max(error.after_s, pause_s)):
                    raise
                pause_s *= 3
        raise AssertionError("not reached")

    def _read(self, request: Request) -> Answer:
        connection, response = self._begin(request)
        try:
            body = b"".join(Stream(response).blocks()) if request.method != "HEAD" else b""
            return Answer(response.status, response.headers, body)
        finally:
            self._release(connection, response)

    def _begin(
        self, request: Request
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """The head of a good answer, and the connection that its body comes by."""
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
        patience = request.patience_s
        patience = self.endpoint.read_timeout_s if patience is None else patience or None
        try:
            connection.sock.settimeout(patience)
            # A server that refuses need not read the body first: what it says is read then.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._write(connection, request)
            return connection.getresponse()
        except TimeoutError:
            raise ClientError(
                f"{self.endpoint.url} did not answer within {patience:g} s",
                next_step="AIS_READ_TIMEOUT allows more; the server may still be at work.",
            ) from None
        except (OSError, http.client.HTTPException) as error:
            message = f"the connection to {self.endpoint.url} broke: {_why(error)}"
            raise ClientError(message, may_pass=not self._closed.is_set()) from None

    def _write(self, connection: http.client.HTTPConnection, request: Request) -> None:
        headers = {"User-Agent": f"s3gw/{__version__}", "Accept-Encoding": "identity"}
        if self.endpoint.token:
            headers["Authorization"] = f"Bearer {self.endpoint.token}"
        body: Any = None
        if request.message is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(request.message).encode()
        elif request.body is not None:
            headers["Content-Type"] = "application/octet-stream"
            body = request.body.blocks()
            if request.body.size is not None:
                headers["Content-Length"] = str(request.body.size)
        elif request.method in ("PUT", "POST", "PATCH"):
            headers["Content-Length"] = "0"
        target = self._parts.path + request.target
        connection.request(request.method, target, body, {**headers, **request.headers})

    def _connection(self) -> http.client.HTTPConnection:
        """One that is open, and ours until it is released."""
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
            raise _untrusted(self.endpoint.url, error) from None
        except OSError as error:
            self._release(connection, None)
            raise _unreachable(self.endpoint, error) from None
        return connection

    def _new_connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        timeout = self.endpoint.connect_timeout_s
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout)
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._trusted())

    def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            try:
                trust = ssl.create_default_context(cafile=self.endpoint.ca_file or None)
            except (OSError, ssl.SSLError) as error:
                raise BadSetting(
                    f"the certificates of {self.endpoint.ca_file} cannot be used: {_why(error)}"
                ) from None
            if not self.endpoint.verifies:
                trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
            self._trust = trust
        return self._trust

    def _release(
        self,
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse | None,
    ) -> None:
        """Keep it when its answer was read to the end."""
        is_good = response is not None and response.isclosed() and not response.will_close
        with self._lock:
            self._busy.discard(connection)
            if is_good and connection.sock is not None and not self._closed.is_set():
                self._idle.append(connection)
                return
        connection.close()


def _is_dropped(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has closed it, or has said something that nobody asked for."""
    if connection.sock is None:
        return True
    return bool(select.select([connection.sock], [], [], 0)[0])


def _refusal(
    request: Request, response: http.client.HTTPResponse, endpoint: Endpoint
) -> ClientError:
    if response.status < 400:
        where = response.headers.get("Location", "elsewhere")
        return ClientError(f"the server sent us on to {where}", status=response.status)
    told = response.headers.get("Hdr-Error", "")
    try:
        text = told if request.method == "HEAD" else response.read(_MAX_ERROR_BYTES).decode()
        document = json.loads(text) if text.startswith("{") else {"message": text.strip()}
    except (OSError, ValueError, http.client.HTTPException):
        document = {}
    advice = endpoint.token_advice if response.status == 401 else ""
    after = response.headers.get("Retry-After", "")
    return refused(response.status, document, after=after, next_step=advice)


def _untrusted(url: str, error: ssl.SSLError) -> ClientError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(
            f"the certificate of {url} is not trusted: {error.verify_message}",
            next_step="--ca or AIS_CLIENT_CA names certificates to trust.",
        )
    why = (error.reason or str(error)).lower().replace("_", " ")
    return ClientError(f"no TLS with {url}: {why}", next_step="Does the server speak https there?")


def _unreachable(endpoint: Endpoint, error: OSError) -> ClientError:
    start = "Start it with `s3gw serve`, or name it" if endpoint.is_local else "Name the server"
    return Unreachable(
        f"nobody answers at {endpoint.url}: {_why(error)}",
        next_step=f"{start} with --endpoint or AIS_ENDPOINT.",
    )


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed it"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
