"""Rights of native operations, checked by access control."""

from __future__ import annotations

from s3gw.access import authorize, may_without_bucket
from s3gw.identity.rights import WITHOUT_BUCKET
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.operation import NativeOperation
from storage.errors import BucketNotFound


async def require(call: NativeCall, operation: type[NativeOperation]) -> None:
    """Raise 403, and 404 for a bucket that does not exist or belongs to another cluster."""
    if operation.needs_admin and not call.caller.is_root:
        raise NativeError(403, "insufficient permissions: administrators only")
    if operation.asks_itself:
        return
    if operation.known_as:
        if not call.bck.is_ours and not operation.access & WITHOUT_BUCKET:
            raise BucketNotFound(call.bucket)
        call.operation = operation.known_as
        await authorize(call, operation.access)
    elif operation.access and not may_without_bucket(call, operation.access):
        raise NativeError(403, f"insufficient permissions: {_names(operation)} needed")


def _names(operation: type[NativeOperation]) -> str:
    return ", ".join(each.name or "" for each in operation.access).replace("_", "-")
