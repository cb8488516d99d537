"""Copies of objects on several mountpaths: there is one of each object."""

from __future__ import annotations

from typing import Any

from cluster.jobs import mirroring
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.buckets.props_change import with_props
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, unsupported
from s3gw.native.jobs.starting import begin_ended
from s3gw.native.operation import operation, value

_MOST = 16
_ONE_COPY = {"mirror.copies": 1, "mirror.enabled": False}


@operation(
    "POST",
    "buckets/{bucket}",
    action=mirroring.KIND.name,
    access=Access.PATCH,
    known_as="PutBucketVersioning",
)
class MakeCopies:
    """One copy is what there is, and what the bucket's properties then say. More than there are mountpaths cannot be, and more than one are
    not made here."""

    copies: Any = value(default=0)

    async def run(self, call: NativeCall) -> Reply:
        copies = int(self.copies) if str(self.copies).isdecimal() else 0
        if not 1 <= copies <= _MOST:
            message = f"invalid num copies {str(self.copies)[:32]}, must be in [1, {_MOST}] range"
            raise NativeError(400, message)
        mountpaths = len(call.native.node.folders) or 1
        if copies > mountpaths:
            many = f"number of copies ({copies}) exceeds the number of mountpaths ({mountpaths})"
            raise NativeError(400, many)
        if copies > 1:
            raise unsupported(f"keeping {copies} copies")
        await call.store.update_bucket(call.bucket, lambda info: with_props(info, _ONE_COPY))
        job = mirroring.MakeCopies(bucket=call.bucket)
        return text_reply(await begin_ended(call, job))
