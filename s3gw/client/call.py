"""Calls of the native API as values: a request and a parser.

Nothing here does I/O. The modules of this package only build these values; a driver
(`sync.Client`, `aio.AsyncClient`) sends them. What takes more than one request is one of

* `Page`: some items, and the call for the next page;
* `Steps`: a generator that yields calls and pauses, and receives each call's result;
* `Download`: a request whose body goes to a `Receiver`, block by block.

Headers are texts in UTF-8, as AIStore sends them; HTTP libraries that read Latin-1 are corrected by
their driver.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from s3gw import __version__
from s3gw.client.endpoint import Endpoint
from s3gw.client.errors import ClientError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

BLOCK_BYTES = 1 << 18
MAX_ERROR_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to upload. `blocks` starts from the beginning at each call, unless `once`. Without a
    size it is sent in chunks."""

    blocks: Callable[[], Iterable[bytes]]
    size: int | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """`path` follows `/v1/` and is percent-encoded. A `message` is sent as JSON. `read_timeout_s`
    replaces the endpoint's; 0 waits without a limit. `once`: it is not repeated, whatever its
    method."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    message: Any = None
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    read_timeout_s: float | None = None
    once: bool = False

    @property
    def may_repeat(self) -> bool:
        """Whether sending it twice has the same effect as sending it once."""
        if self.once or (self.body is not None and self.body.once):
            return False
        return self.method in ("GET", "HEAD") or (self.method == "PUT" and self.body is not None)

    @property
    def target(self) -> str:
        query = urlencode(self.query, quote_via=quote, safe="")
        return f"/v1/{self.path}?{query}" if query else f"/v1/{self.path}"

    @property
    def payload(self) -> bytes | None:
        return None if self.message is None else json.dumps(self.message).encode()

    def headers_for(self, endpoint: Endpoint) -> dict[str, str]:
        """Return all headers except Host, and Content-Length of a payload."""
        headers = {"User-Agent": f"s3gw/{__version__}", "Accept-Encoding": "identity"}
        if endpoint.token:
            headers["Authorization"] = f"Bearer {endpoint.token}"
        if self.message is not None:
            headers["Content-Type"] = "application/json"
        elif self.body is not None:
            headers["Content-Type"] = "application/octet-stream"
            if self.body.size is not None:
                headers["Content-Length"] = str(self.body.size)
        elif self.method in ("PUT", "POST", "PATCH"):
            headers["Content-Length"] = "0"
        return {**headers, **self.headers}

    def timeout_for(self, endpoint: Endpoint) -> float | None:
        """Return the seconds to wait for more of the response; None has no limit."""
        if self.read_timeout_s is None:
            return endpoint.read_timeout_s
        return self.read_timeout_s or None


class Headers:
    """Headers of a response. Names have any case; `items` keeps repeated ones."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)
        self._first: dict[str, str] = {}
        for name, value in self._pairs:
            self._first.setdefault(name.lower(), value)

    @classmethod
    def decoded(cls, pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
        return cls(
            (name.decode("latin-1"), value.decode(errors="replace")) for name, value in pairs
        )

    def get(self, name: str, default: str = "") -> str:
        return self._first.get(name.lower(), default)

    def items(self) -> Iterable[tuple[str, str]]:
        return self._pairs


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """`size` is None when the server did not announce it."""

    status: int
    headers: Headers

    @property
    def size(self) -> int | None:
        length = self.headers.get("Content-Length")
        return int(length) if length else None


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response with a good status."""

    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise ClientError("the server's answer is not JSON: is it s3gw?") from None


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """A request, and how its response is read. `if_missing` is the result for status 404."""

    request: Request
    parse: Callable[[Response], T_co]
    if_missing: Callable[[], T_co] | None = None

    def result_for(self, error: ClientError) -> T_co:
        """Return the result for a response with a bad status, or raise the error."""
        if error.status == 404 and self.if_missing is not None:
            return self.if_missing()
        raise error


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: list[T]
    next: Call[Page[T]] | None


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


Step: TypeAlias = Call[Any] | Pause
Steps: TypeAlias = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    result: T


def advance(steps: Steps[T], result: Any, error: ClientError | None) -> Step | Done[T]:
    """Return the next step, after the last one's result or error."""
    try:
        return steps.send(result) if error is None else steps.throw(error)
    except StopIteration as stop:
        return Done(stop.value)


class Receiver(Protocol[T_co]):
    """Gets the body of a response. As a context it is entered before the request is sent, and
    discards what it got when it is left with an error."""

    def __enter__(self) -> Receiver[T_co]: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def begin(self, head: ResponseHead) -> None: ...
    def write(self, block: bytes) -> None: ...

    def finish(self) -> T_co:
        """Return the result after the last block. Raises `ClientError`."""
        ...


@dataclass(frozen=True, slots=True)
class Download(Generic[T]):
    request: Request
    receiver: Receiver[T]


def no_result(response: Response) -> None:
    return None


def text_of(response: Response) -> str:
    return response.text.strip()


def headers_of(response: Response) -> Headers:
    return response.headers


def whole(response: Response) -> Response:
    return response


def document_of(response: Response) -> dict[str, Any]:
    return dict(response.json() or {})
