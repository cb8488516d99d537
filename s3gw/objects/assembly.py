"""ETag and checksum of the object that an upload's parts become."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from s3gw.objects.checksums import (
    ALGORITHMS,
    DEFAULT_ALGORITHM,
    NOT_MD5,
    Algorithm,
    composite,
    full_object,
)
from s3gw.objects.encryption import SSE_C
from s3gw.wire.errors import Code, S3Error
from storage.values import Checksum, ChecksumType, PartInfo, Sealed, UploadInfo

MAX_OBJECT_BYTES = 5 << 40


def kept_algorithm(upload: UploadInfo) -> Algorithm:
    """Return the checksum that every part of the upload needs, so that the whole can have one."""
    return ALGORITHMS[upload.checksum_algorithm or upload.kept_checksum or DEFAULT_ALGORITHM]


def sealed(upload: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
    """Return what the parts are as one object, in this order. Raise `EntityTooLarge`."""
    if sum(part.size for part in parts) > MAX_OBJECT_BYTES:
        raise S3Error(Code.EntityTooLarge)
    return Sealed(multipart_etag(parts), whole_checksum(upload, parts))


def multipart_etag(parts: Sequence[PartInfo]) -> str:
    """Return the MD5 of the parts' MD5s, or other hashes, with the number of parts."""
    whole = hashlib.md5(usedforsecurity=False)
    for part in parts:
        whole.update(bytes.fromhex(part.etag.removesuffix(NOT_MD5)))
    return f"{whole.hexdigest()}-{len(parts)}"


def whole_checksum(upload: UploadInfo, parts: Sequence[PartInfo]) -> Checksum | None:
    """Return the checksum of the object. Under a customer's key it has one only if the upload named
    an algorithm, as at AWS: nobody else should learn anything of the bytes."""
    encryption = upload.attributes.encryption
    if encryption is not None and encryption.scheme == SSE_C and not upload.checksum_algorithm:
        return None
    algorithm = kept_algorithm(upload)
    values = [(part.checksum.value if part.checksum else "", part.size) for part in parts]
    if upload.checksum_type is ChecksumType.FULL_OBJECT:
        return full_object(algorithm, values)
    return composite(algorithm, [value for value, _ in values])
