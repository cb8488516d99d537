"""HTTP requests of the front ends, before and after authentication.

Paths are split from `raw_path`, not from the server's decoded path: two keys can collide there, and
the signature covers the bytes as they were sent. The bucket is in the path (`/s3/bucket/key`,
`/bucket/key`) or before the configured domain in the Host header (`bucket.s3.example.com`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from msgspec import Struct, field

from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.http.documents import TooLong, read_whole
from s3gw.http.memory_room import Holding, TooBusy
from s3gw.http.output import stream_memory
from s3gw.wire.errors import Code, S3Error
from storage.digits import read_digits
from storage.values import BucketInfo

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from s3gw.http.site import Site
    from s3gw.identity.accounts import Principal
    from storage.backend import Backend

# S3 is answered here as well as at the root.
MOUNT = b"/s3"
MAX_KEY = 1024
# A character has at most four bytes.
_SURELY_SHORT = MAX_KEY // 4
# A longer number is not the length of anything.
_LENGTH_CHARS = 4000
# Parameters of a query that are no longer are remembered with their decoding.
_REMEMBERED_CHARS = 200
# More than any operation knows, and than any client sends.
MAX_PARAMETERS = 1000
_MANY_DOCUMENTS = "Please reduce your request rate: too many documents are read at once."
# The bucket of a request without one, or before its bucket is looked up.
NO_BUCKET = BucketInfo("", "", 0)


class Level(Enum):
    """What the request names: nothing, a bucket, or an object in a bucket."""

    SERVICE = 0
    BUCKET = 1
    OBJECT = 2


_SERVICE, _BUCKET, _OBJECT = Level


class Addressing(Struct, frozen=True):
    """The places of S3's API: under `/s3`, at `/` too if `root_access`, and below each domain."""

    domains: tuple[str, ...] = ()
    root_access: bool = True


class Request(Struct, kw_only=True):
    """A request before authentication.

    `query` is decoded, the first of a repeated name wins; `headers` have lower-case names, values
    decoded as latin-1, repeated ones joined with commas. `body` is what the operation reads:
    authentication may have wrapped it; `receive` is what it is read from. `decoded_length` is the
    payload's length in bytes; `content_sha256` the hex digest that was signed for it; `trailers`
    are filled when the body has ended. `client` is the address of the client, empty when unknown.
    """

    method: str
    raw_path: bytes
    query_string: bytes
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]
    request_id: str
    bucket: str = ""
    key: str = ""
    host_bucket: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    decoded_length: int | None = None
    content_sha256: str | None = None
    trailers: dict[str, str] = field(default_factory=dict)
    scheme: str = "http"
    client: str = ""
    limits: Limits = DEFAULT_LIMITS
    document: bytes | None = None
    document_memory: Holding | None = None
    stream_memory: Holding | None = None
    receive: Receive | None = None

    @property
    def root(self) -> str:
        """Return the path below which the client reached the buckets: `/s3`, or empty."""
        return MOUNT.decode() if self.host_bucket is None and _is_mounted(self.raw_path) else ""

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def level(self) -> Level:
        return _OBJECT if self.key else _BUCKET if self.bucket else _SERVICE

    async def read_document(self, limit_bytes: int | None = None) -> bytes:
        """Return the whole body of a request that carries a document, not an object. It may have
        as many bytes as an XML document unless the limit says otherwise."""
        if self.document is not None:
            return self.document
        most = limit_bytes or self.limits.document_bytes
        try:
            self.document, self.document_memory = await read_whole(self.body, most, self.client)
        except TooLong:
            raise S3Error(Code.MaxMessageLengthExceeded) from None
        except TooBusy as error:
            headers = {"Retry-After": str(error.retry_after_s)}
            raise S3Error(Code.SlowDown, _MANY_DOCUMENTS, headers=headers) from None
        return self.document

    async def before_stream(self) -> None:
        """Wait for the memory of an answer that streams, once. Raise `TooBusy`."""
        if self.stream_memory is None:
            self.stream_memory = await stream_memory(self.receive, self.client)


class AuthenticatedRequest(Request, kw_only=True):
    """A request and its caller, for access control and operations.

    `operation` is S3's name of the operation; `bucket_info` is the bucket that the request names,
    once access control has looked it up.
    """

    caller: Principal
    store: Backend
    site: Site
    operation: str = ""
    bucket_info: BucketInfo = NO_BUCKET

    @property
    def owner(self) -> str:
        """Return the account id of the bucket's owner."""
        return self.bucket_info.owner

    def display_name(self, account: str) -> str | None:
        """Return the name of an account in S3's documents, or a user's ARN; None for an account
        that no longer exists."""
        if account.startswith("arn:"):
            return account.rpartition("/")[2]
        return self.site.accounts.display_name(account)


def read_request(
    scope: Scope, receive: Receive, request_id: str, addressing: Addressing, limits: Limits
) -> Request:
    """Read everything but the body. Raises `InvalidURI` and `KeyTooLongError`."""
    headers = read_headers(scope["headers"])
    raw_path, client = origin_form(scope["raw_path"]), scope.get("client")
    host_bucket = bucket_of_host(headers.get("host", ""), addressing.domains)
    query = read_query(scope["query_string"])
    bucket, key = _cut(raw_path, host_bucket, addressing.root_access)
    if "/" in bucket:
        raise S3Error(Code.InvalidBucketName, BucketName=bucket)
    if len(key) > _SURELY_SHORT and len(key.encode()) > MAX_KEY:
        raise S3Error(Code.KeyTooLongError, Size=str(len(key)), MaxSizeAllowed=str(MAX_KEY))
    return Request(
        method=scope["method"],
        raw_path=raw_path,
        query_string=scope["query_string"],
        headers=headers,
        body=body_stream(receive),
        request_id=request_id,
        bucket=bucket,
        key=key,
        host_bucket=host_bucket,
        query=query,
        decoded_length=content_length(headers.get("content-length")),
        scheme=scope.get("scheme", "http"),
        client=client[0] if client else "",
        limits=limits,
        receive=receive,
    )


def read_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name = _NAMES.get(name_bytes) or name_bytes.decode("latin-1").lower()
        value = value_bytes.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


# Names of headers that nearly every request has, as text.
_NAMES = {
    name.encode(): name
    for name in [
        "accept",
        "accept-encoding",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-md5",
        "content-type",
        "expect",
        "host",
        "range",
        "transfer-encoding",
        "user-agent",
        "x-amz-checksum-crc32",
        "x-amz-checksum-crc64nvme",
        "x-amz-checksum-mode",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-security-token",
        "x-amz-trailer",
    ]
}


def read_query(query_string: bytes) -> dict[str, str]:
    if not query_string:
        return {}
    query: dict[str, str] = {}
    if query_string.count(b"&") >= MAX_PARAMETERS:
        raise S3Error(Code.InvalidURI, f"A query has at most {MAX_PARAMETERS:,} parameters.")
    try:
        for item in query_string.decode().split("&"):
            if item:
                short = len(item) <= _REMEMBERED_CHARS
                name, value = _parameter(item) if short else _parameter.__wrapped__(item)
                query.setdefault(name, value)
    except UnicodeDecodeError:
        raise S3Error(Code.InvalidURI) from None
    return query


@lru_cache(maxsize=1024)
def _parameter(item: str) -> tuple[str, str]:
    """Return name and value. Clients repeat most of theirs, such as their credential's scope."""
    name, _, value = item.partition("=")
    if "%" in item or "+" in item:
        return _decoded(name), _decoded(value)
    return name, value


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode()


def content_length(text: str | None) -> int | None:
    return None if text is None or len(text) > _LENGTH_CHARS else read_digits(text)


def origin_form(target: bytes) -> bytes:
    """Return the path of a target; hypercorn passes `GET http://host/key` on with the host."""
    if target.startswith(b"/"):
        return target
    _, scheme, rest = target.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if scheme else b"/" + target


def bucket_of_host(host: str, domains: tuple[str, ...]) -> str | None:
    """Return the part before one of the domains in a Host header, or None. A domain may be below
    another: the longest decides. With the dot of the DNS' root, a name is the same name."""
    if not domains:
        return None
    host = host.lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.removesuffix(".")
    below = [domain for domain in domains if name == domain or name.endswith("." + domain)]
    if not below:
        return None
    return name.removesuffix(max(below, key=len)).removesuffix(".") or None


def _cut(raw_path: bytes, host_bucket: str | None, root_access: bool) -> tuple[str, str]:
    """Return the bucket and the key; the key is the decoded rest, including its slashes."""
    if host_bucket is not None:
        return host_bucket, path_text(raw_path[1:])
    path = raw_path
    if _is_mounted(path):
        path = path.removeprefix(MOUNT)
    elif not root_access:
        raise S3Error(Code.InvalidURI, "S3 is answered under /s3 here.")
    bucket, _, key = path[1:].partition(b"/")
    return path_text(bucket), path_text(key)


def _is_mounted(path: bytes) -> bool:
    return path == MOUNT or path.startswith(MOUNT + b"/")


def path_text(raw: bytes) -> str:
    try:
        return (unquote_to_bytes(raw) if b"%" in raw else raw).decode()
    except UnicodeDecodeError:
        raise S3Error(Code.InvalidURI) from None


async def body_stream(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise S3Error(Code.IncompleteBody)
        if chunk := message.get("body", b""):
            yield chunk
        if not message.get("more_body", False):
            return


def check_head(scope: Scope, limits: Limits) -> None:
    """Raise `RequestHeaderSectionTooLarge`, as servers limit a head only if it arrives in pieces,
    and `BadRequest` for one whose host or body is not certain."""
    headers = scope["headers"]
    if len(headers) > limits.headers:
        most = str(limits.headers)
        raise S3Error(Code.RequestHeaderSectionTooLarge, MaxHeadersAllowed=most)
    target_bytes = len(scope["raw_path"]) + len(scope["query_string"])
    if target_bytes + sum([len(name) + len(value) for name, value in headers]) > limits.head_bytes:
        most = str(limits.head_bytes)
        raise S3Error(Code.RequestHeaderSectionTooLarge, MaxSizeAllowed=most)
    names = [name for name, _ in headers]
    if names.count(b"host") != 1 and (b"host" in names or scope.get("http_version") != "1.0"):
        raise _uncertain(Code.BadRequest, "A request has exactly one Host header.")
    if b"transfer-encoding" in names:
        _check_transfer(headers)


def _check_transfer(headers: list[tuple[bytes, bytes]]) -> None:
    """Raise for a body whose end a proxy may see elsewhere, or that has a coding besides chunks."""
    if any(name == b"content-length" and value for name, value in headers):
        message = "Content-Length and Transfer-Encoding exclude each other."
        raise _uncertain(Code.BadRequest, message)
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if [coding.strip().lower() for coding in codings] != [b"chunked"]:
        raise _uncertain(Code.NotImplemented, Header="Transfer-Encoding")


def _uncertain(code: Code, problem: str | None = None, **details: str) -> S3Error:
    """Return the error for a connection that cannot be read any further (RFC 9112, 6.1)."""
    message = f"An error occurred when parsing the HTTP request. {problem}" if problem else None
    return S3Error(code, message, headers={"Connection": "close"}, **details)
