"""Parts of native uploads and of appends: how they are written, and how they become the object.

They are those of S3's multipart uploads, with other rules: no part is too small, and all of them
make the object. Every part keeps a CRC32C: that of the whole can be told from those of its parts,
and is one that AIStore and S3 both know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.objects.assembly import kept_algorithm, sealed
from s3gw.objects.checksums import Promises
from s3gw.s3.checksum_headers import payload_digest
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

# Looks at the parts and at what they make of it; raises when that is not what was meant.
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
    """The request's body as a part; `watched` may have a word in its digest. Raises as
    `Backend.put_part`, and what the promises do."""
    check_part(call, upload)
    return await call.objects.write_part(
        call.bucket_info,
        upload,
        number,
        body or call.body,
        payload_digest(call, kept_algorithm(upload), promises),
        customer_key=customer_key(call),
        watch=watched,
    )


async def all_parts(call: NativeCall, upload_id: str) -> list[PartInfo]:
    """Raises `UploadNotFound`."""
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
    """The parts become the object. Raises `UploadNotFound`, `PreconditionFailed`, what `check`
    does, and 400 for a part that is not there."""

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
