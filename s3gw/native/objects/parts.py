"""Parts of native uploads and of appends: writing and assembling them.

They are those of S3's multipart uploads, with other rules: no part is too small, and the object has
all of them. Every part keeps a CRC32C: the whole's is computed from those of its parts, and AIStore
and S3 both know it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from s3gw.config.bucket_properties import ETAG_CHECKSUM
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.objects.assembly import kept_algorithm, sealed
from s3gw.objects.checksums import Promises
from s3gw.s3.checksum_headers import read_payload
from s3gw.s3.encryption_headers import check_completion, check_part, customer_key
from storage.errors import PartNotFound
from storage.values import (
    BodyDigest,
    CompleteOptions,
    Condition,
    ObjectInfo,
    PartInfo,
    Sealed,
    UploadInfo,
)

KEPT = "CRC32C"
_PAGE = 1000

# Checks the parts and the object of them; raises when they are not the intended ones.
Check = Callable[[UploadInfo, Sequence[PartInfo], Sealed], None]
Watch = Callable[[BodyDigest], BodyDigest]


async def write_part(
    call: NativeCall,
    upload: UploadInfo,
    number: int,
    promises: Promises,
    *,
    body: AsyncIterator[bytes] | None = None,
    watched: Watch = lambda digest: digest,
) -> PartInfo:
    """Write the request's body as a part; `watched` may wrap its digest. Raise as
    `Backend.put_part`, and as the promises do."""
    check_part(call, upload)
    return await call.objects.write_part(
        call.bucket_info,
        upload,
        number,
        body or call.body,
        read_payload(call, kept_algorithm(upload), promises, ETAG_CHECKSUM),
        customer_key=customer_key(call),
        watch=watched,
    )


async def all_parts(call: NativeCall, upload_id: str) -> list[PartInfo]:
    """Return all parts of the upload. Raise `UploadNotFound`."""
    found: list[PartInfo] = []
    after: int | None = 0
    while after is not None:
        page = await call.store.list_parts(
            call.bucket, call.key, upload_id, after=after, limit=_PAGE
        )
        found += page.parts
        after = page.next_after
    return found


async def assemble(
    call: NativeCall, upload_id: str, numbers: Sequence[int], condition: Condition, check: Check
) -> ObjectInfo:
    """Assemble the object from the parts. Raise `UploadNotFound`, `PreconditionFailed`, the errors
    of `check`, and 400 for a missing part."""

    def seal(upload: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
        check_completion(call, upload)
        whole = sealed(upload, parts)
        check(upload, parts, whole)
        return whole

    options = CompleteOptions(tuple(numbers), seal, condition)
    try:
        return await call.objects.complete_upload(
            call.context, call.bucket_info, call.key, upload_id, options
        )
    except PartNotFound as error:
        raise NativeError(400, f"part {error.number} does not exist") from None
