"""Rights of the caller for a job: to start it, and to stop it.

A caller who has the right for every key of the bucket needs nothing more. Where a bucket's policy,
or the session's, has conditions, each name is checked, and one refusal refuses the job; a prefix is
refused, because its names are not known yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from msgspec.structs import replace

from cluster.jobs import (
    archive_objects,
    blob_download,
    copy_objects,
    create_inventory,
    delete_objects,
    download,
    dsort,
    etl_objects,
    evict,
    get_batch,
    index_shards,
    mirroring,
    move_bucket,
    prefetch,
    promote,
    rechunk,
    summary,
)
from cluster.jobs.job import Job
from s3gw.access import Access, authorize, authorize_source, authorize_writing, may_delete
from s3gw.access.every_key import may_with_every_key
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.jobs.selection import MAX_JUDGED, Selection
from s3gw.native.names import bck_of
from s3gw.wire.errors import Code, S3Error
from storage.errors import BucketNotFound, ObjectNotFound, VersionNotFound
from storage.pacing import paced
from storage.values import BucketInfo

# The right to the job's bucket that starting a kind needs, and the S3 operation that policies know
# it as. All other kinds are started, and so stopped, by administrators.
STARTING: Mapping[str, tuple[Access, str]] = {
    delete_objects.KIND.name: (Access.DELETE_OBJECT, "DeleteObjects"),
    evict.KIND.name: (Access.DELETE_OBJECT, "DeleteObjects"),
    prefetch.KIND.name: (Access.GET, "GetObject"),
    blob_download.KIND.name: (Access.GET, "GetObject"),
    download.KIND.name: (Access.PUT, "PutObject"),
    dsort.KIND.name: (Access.GET, "GetObject"),
    copy_objects.KIND.name: (Access.GET, "GetObject"),
    copy_objects.BUCKET_KIND.name: (Access.GET, "GetObject"),
    etl_objects.KIND.name: (Access.GET, "GetObject"),
    etl_objects.BUCKET_KIND.name: (Access.GET, "GetObject"),
    archive_objects.KIND.name: (Access.GET, "GetObject"),
    get_batch.KIND.name: (Access.GET, "GetObject"),
    summary.KIND.name: (Access.LIST_OBJECTS, "ListObjectsV2"),
    move_bucket.KIND.name: (Access.MOVE_BUCKET, "DeleteBucket"),
    promote.KIND.name: (Access.PROMOTE, "PutObject"),
    create_inventory.KIND.name: (Access.PATCH, "PutBucketInventoryConfiguration"),
    rechunk.KIND.name: (Access.PATCH, "PutBucketVersioning"),
    mirroring.KIND.name: (Access.PATCH, "PutBucketVersioning"),
    index_shards.KIND.name: (Access.PATCH, "PutBucketVersioning"),
}


async def require_stopping(call: NativeCall, job: Job) -> None:
    """Raise 403 unless the caller is an administrator, or started the job and might start it
    again."""
    if call.caller.is_root:
        return
    if job.requested_by.identity != call.caller.identity:
        raise NativeError(403, "insufficient permissions: another user started the job")
    if job.kind not in STARTING:
        raise NativeError(403, "insufficient permissions: only administrators stop such jobs")
    access, operation = STARTING[job.kind]
    with suppress(BucketNotFound):
        await authorize(replace(call, bucket=job.bucket, key="", operation=operation), access)


async def require_deleting(call: NativeCall, chosen: Selection) -> None:
    """Raise 403 unless the caller may delete all chosen objects."""
    if may_with_every_key(call, call.bucket_info, Access.DELETE_OBJECT, "DeleteObjects"):
        return
    async for name in paced(_judged(call, chosen)):
        if not await may_delete(call, name, None):
            raise S3Error(Code.AccessDenied)


async def require_deleting_in(call: NativeCall, target: BucketInfo, chosen: Selection) -> None:
    """Raise 403 unless the caller may delete all chosen objects of another bucket."""
    bck = bck_of(target.name)
    await require_deleting(
        replace(call, bck=bck, bucket=target.name, key="", bucket_info=target), chosen
    )


async def require_reading(call: NativeCall, chosen: Selection) -> None:
    """Raise 403 unless the caller may read all chosen objects."""
    if may_with_every_key(call, call.bucket_info, Access.GET, "GetObject"):
        return
    call.operation = "CopyObject"
    async for name in paced(_judged(call, chosen)):
        try:
            await authorize_source(call, call.bucket, name)
        except (ObjectNotFound, VersionNotFound):
            # Only a caller with the right to know learns that it is missing.
            continue


async def require_writing(
    call: NativeCall, target: BucketInfo, chosen: Selection, prepend: str
) -> None:
    """Raise 403 unless the caller may write all copies."""
    if may_with_every_key(call, target, Access.PUT, "PutObject"):
        return
    async for name in paced(_judged(call, chosen)):
        await authorize_writing(call, target, prepend + name)


def _judged(call: NativeCall, chosen: Selection) -> list[str]:
    names = chosen.all_names()
    if names is None or len(names) > MAX_JUDGED:
        message = (
            f'bucket "{call.bck.cname()}": access denied: a policy tells its objects apart, so '
            f"name at most {MAX_JUDGED} of them"
        )
        raise NativeError(403, message, Tcode.BUCKET_DENIED)
    return list(names)
