"""Requests and calls of the native API.

A call is the same that S3's operations and access control know, with what AIStore adds: the full
name of the bucket, the action message, and the segments of its path. It keeps only the headers that
have a meaning here: `x-amz-` headers are not part of this API, except for the keys of encryption,
and the content type that a client sends with its requests is not the object's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from s3gw.config.limits import Limits
from s3gw.http.addresses import endpoint_of
from s3gw.http.documents import TooLong, read_whole
from s3gw.http.memory_room import TooBusy
from s3gw.http.request import (
    Request,
    body_stream,
    content_length,
    origin_form,
    path_text,
    read_headers,
    read_query,
)
from s3gw.native.actmsg import NO_MESSAGE, ActionMessage
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.names import Bck, KnownClusters, read_bck
from s3gw.native.object_names import key_of
from s3gw.native.services import NativeServices
from s3gw.s3.call import Call, Services

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from s3gw.identity.accounts import Principal

MOUNT = b"/v1/"
# The one path that is not below it: OpenID Connect has it at the root.
WELL_KNOWN = ".well-known"
_KEPT_AMZ = "x-amz-server-side-encryption"
_NOT_OF_OBJECTS = frozenset(
    {"content-type", "content-encoding", "content-language", "content-disposition", "expires"}
    | {"cache-control"}
)
_ABOUT_BUCKETS = ("buckets", "objects")
NO_BCK = Bck("")


class NativeRequest(Request, kw_only=True):
    """A request whose caller is not known yet. `segments` are the decoded parts of the path after
    `/v1/`; of an object's path the third and last is the object's name, slashes and all. `bck` is
    the bucket that the path names; `sent` are all headers as received; `node_id` is the node that
    the request is for.
    """

    segments: tuple[str, ...]
    sent: Mapping[str, str]
    bck: Bck = NO_BCK
    node_id: str = ""

    @property
    def endpoint(self) -> str:
        """Return how this client reaches the server: scheme and authority."""
        return endpoint_of(self.sent, self.scheme)


class NativeCall(Call, kw_only=True):
    """A request on its way to a native operation. `bck` is its bucket, `made` the name of what it
    creates by a document, `accessed_ns` when its object was last read, 0 if that is not known. A
    bucket that `is_outside` is one of a backend that is not known here, and stays so."""

    origin: NativeRequest
    native: NativeServices
    bck: Bck
    message: ActionMessage = NO_MESSAGE
    made: str = ""
    accessed_ns: int = 0
    is_outside: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        return self.origin.segments

    @property
    def sent(self) -> Mapping[str, str]:
        return self.origin.sent

    @property
    def node_id(self) -> str:
        return self.origin.node_id

    @property
    def endpoint(self) -> str:
        return self.origin.endpoint

    @property
    def name(self) -> str:
        """Return what a path like `users/{name}` names."""
        return self.segments[1] if len(self.segments) > 1 else ""

    @property
    def known_clusters(self) -> KnownClusters:
        return known_clusters(self.native)

    async def read_body(self, limit_bytes: int | None = None) -> bytes:
        """Return the whole body of a request that carries a message. Raise 413."""
        most = limit_bytes or self.limits.json_bytes
        try:
            text, self.document_memory = await read_whole(self.body, most, self.client)
        except TooLong:
            raise NativeError(413, f"the message has more than {most} bytes") from None
        except TooBusy as error:
            headers = {"Retry-After": str(error.retry_after_s)}
            message = "too many messages are read at once"
            raise NativeError(429, message, Tcode.TOO_MANY, headers=headers) from None
        return text


def read_native_request(
    scope: Scope, receive: Receive, request_id: str, limits: Limits
) -> NativeRequest:
    """Read everything but the body. Raise 400 for a path or a query that cannot be decoded."""
    sent, client = read_headers(scope["headers"]), scope.get("client")
    raw_path = origin_form(scope["raw_path"])
    return NativeRequest(
        method=scope["method"],
        raw_path=raw_path,
        query_string=scope["query_string"],
        headers={name: value for name, value in sent.items() if _means_something(name)},
        body=body_stream(receive),
        request_id=request_id,
        query=read_query(scope["query_string"]),
        decoded_length=content_length(sent.get("content-length")),
        scheme=scope.get("scheme", "http"),
        client=client[0] if client else "",
        limits=limits,
        receive=receive,
        segments=_segments(raw_path),
        sent=sent,
    )


def new_native_call(
    request: NativeRequest, caller: Principal, services: Services, native: NativeServices
) -> NativeCall:
    """Build the call of a request whose caller is authenticated, or that anyone may send."""
    return NativeCall(
        method=request.method,
        raw_path=request.raw_path,
        query_string=request.query_string,
        headers=request.headers,
        body=request.body,
        request_id=request.request_id,
        bucket=request.bucket,
        key=request.key,
        query=request.query,
        decoded_length=request.decoded_length,
        scheme=request.scheme,
        client=request.client,
        limits=request.limits,
        receive=request.receive,
        caller=caller,
        store=services.objects.store,
        site=services.site,
        services=services,
        origin=request,
        native=native,
        bck=request.bck,
    )


def known_clusters(native: NativeServices) -> KnownClusters:
    """Return the id of this cluster with the alias under which it is registered, if any, and the
    attached ones."""
    own = native.site.cluster_id
    alias = native.authn.directory.alias_of(own)
    attached = native.remote.clusters.aliases if native.remote else {}
    return KnownClusters((own, alias) if alias else (own,), attached)


def name_bucket(request: NativeRequest, known: KnownClusters) -> None:
    """Read the request's bucket and object from the path. Raise 400."""
    if request.segments[0] not in _ABOUT_BUCKETS:
        return
    bucket, key = [*request.segments[1:], "", ""][:2]
    request.bck = read_bck(bucket, request.query, known)
    request.bucket = request.bck.stored if bucket else ""
    request.key = key_of(key) if key else ""


def _means_something(name: str) -> bool:
    if name.startswith("x-amz-"):
        return name.startswith(_KEPT_AMZ)
    return name not in _NOT_OF_OBJECTS


def _segments(raw_path: bytes) -> tuple[str, ...]:
    if raw_path.startswith(b"/.well-known/"):
        raw_path = raw_path.removeprefix(b"/")
    first, *others = raw_path.removeprefix(MOUNT).split(b"/", 2)
    return (path_text(first), *(path_text(other) for other in others))
