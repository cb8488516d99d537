"""A request and its answer, for metrics and logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

if TYPE_CHECKING:
    from starlette.types import Scope

    from s3gw.identity.accounts import Principal
    from storage.values import BucketInfo

# A client chooses its user agent; the log need not have all of it.
MAX_USER_AGENT = 200


class RequestHead(Protocol):
    """The head of a request, as access logs need it; `headers` have lower-case names."""

    @property
    def method(self) -> str: ...
    @property
    def raw_path(self) -> bytes: ...
    @property
    def query_string(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def query(self) -> Mapping[str, str]: ...
    @property
    def key(self) -> str: ...
    @property
    def decoded_length(self) -> int | None: ...


# Followed by the name of a transformer and its secret.
_WITH_SECRET, _HIDDEN = b"/v1/etl-objects/", b"REDACTED"


class Exchange(Struct):
    """One request and its answer. `path` is raw, without the query, which may hold a signature, and
    without the secret of a transformer.

    `turnaround_s` is from the last byte of the request to the first of the answer, `answer` the
    answer's headers; `head` is None if the request could not be read, `principal` and
    `bucket_info` if it failed before they were known.
    """

    request_id: str
    remote: str
    method: str
    path: str
    user_agent: str = ""
    operation: str = ""
    bucket: str = ""
    account: str = ""
    status: int = 0
    error_code: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    turnaround_s: float = 0.0
    answer: Mapping[str, str] = field(default_factory=dict)
    head: RequestHead | None = None
    principal: Principal | None = None
    bucket_info: BucketInfo | None = None
    bypasses_lock: bool = False

    @classmethod
    def begin(cls, scope: Scope, path: bytes, request_id: str) -> Exchange:
        client = scope.get("client")
        return cls(
            request_id,
            client[0] if client else "",
            scope["method"],
            _shown(path),
            _user_agent(scope["headers"]),
        )


def _shown(path: bytes) -> str:
    if path.startswith(_WITH_SECRET):
        etl, _, rest = path.removeprefix(_WITH_SECRET).partition(b"/")
        path = b"/".join((_WITH_SECRET + etl, _HIDDEN, rest.partition(b"/")[2]))
    return path.decode("latin-1")


def _user_agent(headers: list[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"user-agent":
            return value[:MAX_USER_AGENT].decode("latin-1")
    return ""
