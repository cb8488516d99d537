"""Requests about objects of remote buckets, answered for local buckets."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import no_backend
from s3gw.native.operation import operation

_PATH = "objects/{bucket}/{object}"


@operation("POST", _PATH, action="check-lock", access=Access.HEAD_OBJECT, known_as="HeadObject")
class CheckLock:
    """Clients send it while an object is fetched from a remote bucket: never the case here."""

    async def run(self, call: NativeCall) -> Reply:
        return Reply()


@operation(
    "DELETE", _PATH, action="evict-listrange", access=Access.HEAD_OBJECT, known_as="HeadObject"
)
class EvictObject:
    async def run(self, call: NativeCall) -> Reply:
        raise no_backend(call.bck.cname(), "evict")


@operation(
    "POST",
    "objects/{bucket}",
    action="blob-download",
    access=Access.HEAD_BUCKET,
    known_as="HeadBucket",
)
class BlobDownload:
    """The message's name is the object's."""

    async def run(self, call: NativeCall) -> Reply:
        raise no_backend(call.bck.cname(), "download")
