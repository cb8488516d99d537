"""Requests about objects of remote buckets."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.operation import operation
from s3gw.native.remote_buckets import require_backend

_PATH = "objects/{bucket}/{object}"


@operation("POST", _PATH, action="check-lock", access=Access.HEAD_OBJECT, known_as="HeadObject")
class CheckLock:
    """Clients send it while an object is fetched from a remote bucket: whoever reads it then waits
    for the first byte, and for no lock."""

    async def run(self, call: NativeCall) -> Reply:
        return Reply()


@operation(
    "DELETE", _PATH, action="evict-listrange", access=Access.HEAD_OBJECT, known_as="HeadObject"
)
class EvictObject:
    async def run(self, call: NativeCall) -> Reply:
        require_backend(call, "evict")
        await call.native.tier.evict(call.bucket_info.name, [call.key])
        return Reply()
