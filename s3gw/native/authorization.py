"""Rights of native operations, checked by access control."""

from __future__ import annotations

from s3gw.access import authorize, may_without_bucket
from s3gw.access.bucket_access import bucket_access
from s3gw.identity.rights import WITHOUT_BUCKET, Access
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.operation import NativeOperation
from s3gw.native.remote_buckets import PLAIN, Reference, learn_bucket
from s3gw.wire.errors import Code, S3Error

# As many rights as AIStore's messages name.
_SHOWN = 4
ALL_RIGHTS = sum(each.value for each in Access)


async def require(
    call: NativeCall, operation: type[NativeOperation], reference: Reference = PLAIN
) -> None:
    """Raise 403, and 404 for a bucket that does not exist or belongs to another cluster."""
    if operation.needs_admin and not call.caller.is_root:
        raise NativeError(403, "insufficient permissions: administrators only")
    if operation.asks_itself:
        return
    if operation.known_as:
        outside = None
        if not call.bck.is_ours and not operation.access & WITHOUT_BUCKET:
            outside = await learn_bucket(call, reference)
        call.operation, call.is_outside = operation.known_as, outside is not None
        await authorize(call, operation.access, outside=outside)
    elif operation.access and not may_without_bucket(call, operation.access):
        raise NativeError(403, f"insufficient permissions: {_names(operation)} needed")


def require_rate(call: NativeCall) -> None:
    """Count the request. Raise 429 above the bucket's limit."""
    try:
        call.services.rates.check(call.bucket_info, call.operation)
    except S3Error as error:
        message = f"{call.bck.cname()}: too many requests, see its property rate_limit.frontend"
        raise NativeError(429, message, Tcode.TOO_MANY, headers=error.headers) from None


def explained(
    error: S3Error, call: NativeCall, operation: type[NativeOperation]
) -> S3Error | NativeError:
    """Return the error; where the bucket's `access` is why the caller is refused, one that says
    which right it leaves out, and what it has."""
    has = bucket_access(call.bucket_info)
    missing = operation.access.value & ~has
    if error.code is not Code.AccessDenied or not missing:
        return error
    allowed = named(Access(has & ALL_RIGHTS))
    shown = [*allowed[:_SHOWN], *([" ..."] if len(allowed) > _SHOWN else [])]
    message = (
        f"bucket {call.bck.cname()}: {','.join(named(Access(missing)))} access denied "
        f"(allowed: [{','.join(shown) or 'none'}])"
    )
    return NativeError(403, message, Tcode.BUCKET_DENIED)


def named(rights: Access) -> list[str]:
    """Return AIStore's names of the rights, in the order of their bits."""
    return [(each.name or "").replace("_", "-") for each in rights]


def _names(operation: type[NativeOperation]) -> str:
    return ", ".join(named(operation.access))
