"""A request of the native API.

It is the same call that S3's operations and access control know, with what AIStore adds: the full
name of the bucket, the action message, and the segments of its path. Of the headers it has those
that mean something here: an `x-amz-` header is no word of this API, but for the keys of
encryption, and what a client calls the content type of its own requests is not the object's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s3gw.http.request import (
    MAX_KEY,
    Call,
    body_stream,
    content_length,
    origin_form,
    path_text,
    read_headers,
    read_query,
)
from s3gw.http.services import NO_SERVICES, Services
from s3gw.native.actmsg import NO_MESSAGE, ActionMessage
from s3gw.native.errors import NativeError
from s3gw.native.names import Bck, read_bck

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from s3gw.native.operation import NativeOperation
    from storage.backend import Backend

MOUNT = b"/v1/"
_KEPT_AMZ = "x-amz-server-side-encryption"
_NOT_OF_OBJECTS = frozenset(
    {"content-type", "content-encoding", "content-language", "content-disposition", "expires"}
    | {"cache-control"}
)
_SECURE_PROXY = "x-forwarded-proto"
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


@dataclass(slots=True)
class NativeCall(Call):
    """`segments` are the decoded parts of the path behind `/v1/`; of an object's path the third
    and last is the object's name, slashes and all. `sent` are all headers as they came, `made` is
    the name of what a document asked to be made, `asked_for` the operation as soon as it is known,
    `node_id` the node that is asked through this one.
    """

    segments: tuple[str, ...] = ()
    bck: Bck = field(default_factory=lambda: Bck(""))
    message: ActionMessage = NO_MESSAGE
    sent: Mapping[str, str] = field(default_factory=dict)
    made: str = ""
    asked_for: type[NativeOperation] | None = None
    node_id: str = ""

    @property
    def name(self) -> str:
        """What a path like `users/{name}` names."""
        return self.segments[1] if len(self.segments) > 1 else ""

    @property
    def own_names(self) -> Collection[str]:
        """The id of this cluster, and the alias under which it is registered, if it is."""
        own = self.services.cluster_id
        directory = self.services.directory
        alias = directory.alias_of(own) if directory is not None else ""
        return (own, alias) if alias else (own,)

    @property
    def endpoint(self) -> str:
        """How this client reaches the server: scheme and authority."""
        return endpoint_of(self.sent, self.scheme)

    async def read_body(self) -> bytes:
        """The whole body of a request that carries a message. Raises 413."""
        read, most = bytearray(), self.services.limits.json_bytes
        async for chunk in self.body:
            read += chunk
            if len(read) > most:
                raise NativeError(413, f"the message has more than {most} bytes")
        return bytes(read)


def read_native_call(
    scope: Scope, receive: Receive, store: Backend, request_id: str, services: Services
) -> NativeCall:
    """Read everything but the body. Raises 400 for a path, a query or a name that is none."""
    sent = read_headers(scope["headers"])
    call = NativeCall(
        method=scope["method"],
        raw_path=origin_form(scope["raw_path"]),
        query_string=scope["query_string"],
        headers={name: value for name, value in sent.items() if _means_something(name)},
        body=body_stream(receive),
        store=store,
        request_id=request_id,
        scheme=scope.get("scheme", "http"),
        services=services or NO_SERVICES,
        sent=sent,
    )
    if scope.get("client"):
        call.client = scope["client"][0]
    call.query = read_query(call.query_string)
    call.decoded_length = content_length(sent.get("content-length"))
    call.segments = _segments(call.raw_path)
    return call


def endpoint_of(sent: Mapping[str, str], scheme: str) -> str:
    """Where a request with these headers was sent, as far as a proxy in front tells."""
    scheme = sent.get(_SECURE_PROXY, "") or scheme
    host = sent.get("host", "")
    known = host if _HOST.fullmatch(host) else "localhost"
    return f"{'https' if scheme == 'https' else 'http'}://{known}"


def name_bucket(call: NativeCall, bucket: str, key: str) -> None:
    """Say which bucket and object the call is about. Raises 400."""
    call.bck = read_bck(bucket, call.query, call.own_names)
    call.bucket, call.key = (call.bck.stored if bucket else ""), key
    check_key(key)


def check_key(key: str) -> None:
    """Raises 400 for a name that is too long."""
    if len(key) > MAX_KEY or len(key.encode()) > MAX_KEY:
        raise NativeError(400, f"the object's name is longer than {MAX_KEY} bytes")


def _means_something(name: str) -> bool:
    if name.startswith("x-amz-"):
        return name.startswith(_KEPT_AMZ)
    return name not in _NOT_OF_OBJECTS


def _segments(raw_path: bytes) -> tuple[str, ...]:
    first, *others = raw_path.removeprefix(MOUNT).split(b"/", 2)
    return (path_text(first), *(path_text(other) for other in others))
