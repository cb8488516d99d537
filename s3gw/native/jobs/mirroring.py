"""Copies of objects on several mountpaths: there is one of each object."""

from __future__ import annotations

from typing import Any

from cluster.jobs import mirroring
from s3gw.access import Access
from s3gw.config.bucket_properties import properties_of, with_properties, with_property
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, unsupported
from s3gw.native.jobs.starting import begin_ended
from s3gw.native.operation import operation, value
from storage.values import BucketInfo

_MOST = 16


@operation(
    "POST",
    "buckets/{bucket}",
    action=mirroring.KIND.name,
    access=Access.PATCH,
    known_as="PutBucketVersioning",
)
class MakeCopies:
    """One copy is what there is, and what the bucket's properties then say. More than there are
    mountpaths cannot be, and more than one are not made here."""

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
        await call.store.update_bucket(call.bucket, _with_one_copy)
        job = mirroring.MakeCopies(bucket=call.bucket)
        return text_reply(await begin_ended(call, job))


def _with_one_copy(bucket: BucketInfo) -> BucketInfo:
    one = with_property(properties_of(bucket), "mirror.copies", 1)
    return with_properties(bucket, with_property(one, "mirror.enabled", False))
