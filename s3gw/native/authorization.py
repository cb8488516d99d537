"""The right that a native operation needs, asked of the one place that decides."""

from __future__ import annotations

from s3gw.access import authorize
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.operation import NativeOperation
from s3gw.permissions import OF_THE_CLUSTER
from s3gw.rights import WITHOUT_BUCKET
from storage.errors import BucketNotFound


async def require(call: NativeCall, operation: type[NativeOperation]) -> None:
    """Raises 403, and 404 for a bucket that is not there, or is not of this cluster."""
    if operation.known_as:
        if not call.bck.is_ours and not operation.access & WITHOUT_BUCKET:
            raise BucketNotFound(call.bucket)
        call.operation = operation.known_as
        await authorize(call, operation.access)
    elif not may(call, operation):
        raise NativeError(403, f"insufficient permissions: {_names(operation)} needed")


def may(call: NativeCall, operation: type[NativeOperation]) -> bool:
    """Whether the caller has the rights about the cluster, where no bucket has a say."""
    caller = call.caller
    if caller.is_root or not operation.access:
        return True
    assert operation.access in OF_THE_CLUSTER
    cluster = call.services.cluster_id
    return caller.permissions is not None and caller.permissions.allow(operation.access, cluster)


def _names(operation: type[NativeOperation]) -> str:
    return ", ".join(each.name or "" for each in operation.access).replace("_", "-")
