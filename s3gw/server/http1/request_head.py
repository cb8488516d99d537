"""The head of a request while it is parsed, and what makes it uncertain."""

from __future__ import annotations

from http import HTTPStatus

from msgspec import Struct, field

_VERSIONS = frozenset(("1.0", "1.1"))
_ONE_HOST = "A request has exactly one Host header."
_OTHER_VERSION = "The version of HTTP is 1.1 or 1.0."


class Refusal(Struct, frozen=True):
    """The answer to what is not a request; the connection ends after it."""

    status: HTTPStatus
    problem: str = ""


BAD_REQUEST = Refusal(HTTPStatus.BAD_REQUEST)
TOO_SLOW = Refusal(HTTPStatus.REQUEST_TIMEOUT)
TOO_LONG = Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
FAILED = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR)


class RequestHead(Struct):
    """`length` is the `Content-Length`; `received` counts bytes beyond the first piece."""

    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    length: int | None = None
    expects_continue: bool = False
    received: int = 0
    hosts: int = 0
    codings: bytes | None = None

    @property
    def has_body(self) -> bool:
        """Whether a body follows, which may be empty."""
        return self.length is not None or self.codings is not None

    def add(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self.headers.append((name, value))
        if name == b"host":
            self.hosts += 1
        elif name == b"content-length":
            # The parser lets nothing pass but digits.
            self.length = int(value)
        elif name == b"transfer-encoding":
            # More than one is refused, whatever they are.
            self.codings = value.strip().lower() if self.codings is None else b""
        elif name == b"expect":
            self.expects_continue = value.lower() == b"100-continue"

    def refusal(self, version: str, most_bytes: int) -> Refusal | None:
        """Return why the request, or its end, is not certain (RFC 9112, 3.2 and 6.1)."""
        if version not in _VERSIONS:
            return Refusal(HTTPStatus.BAD_REQUEST, _OTHER_VERSION)
        if self.hosts != 1 and (self.hosts or version != "1.0"):
            return Refusal(HTTPStatus.BAD_REQUEST, _ONE_HOST)
        if self.codings is not None and self.codings != b"chunked":
            return Refusal(HTTPStatus.NOT_IMPLEMENTED)
        size = len(self.target) + sum([len(name) + len(value) for name, value in self.headers])
        return TOO_LONG if size > most_bytes else None
