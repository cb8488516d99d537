"""Parts laid end to end: the ETag and the checksum of the object that an upload becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from s3gw.objects.checksums import ALGORITHMS, DEFAULT_ALGORITHM, Algorithm, composite, full_object
from s3gw.wire.errors import Code, S3Error
from storage.values import Checksum, ChecksumType, PartInfo, Sealed, UploadInfo

MAX_OBJECT_BYTES = 5 << 40


def kept_algorithm(upload: UploadInfo) -> Algorithm:
    """The checksum that every part of the upload needs, so that the whole can have one."""
    return ALGORITHMS[upload.checksum_algorithm or upload.kept_checksum or DEFAULT_ALGORITHM]


def sealed(upload: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
    """The object that the parts are, in this order. Raises `EntityTooLarge`."""
    if sum(part.size for part in parts) > MAX_OBJECT_BYTES:
        raise S3Error(Code.EntityTooLarge)
    return Sealed(multipart_etag(parts), whole_checksum(upload, parts))


def multipart_etag(parts: Sequence[PartInfo]) -> str:
    """The MD5 of the parts' MD5s, and how many they are."""
    whole = hashlib.md5(usedforsecurity=False)
    for part in parts:
        whole.update(bytes.fromhex(part.etag))
    return f"{whole.hexdigest()}-{len(parts)}"


def whole_checksum(upload: UploadInfo, parts: Sequence[PartInfo]) -> Checksum:
    algorithm = kept_algorithm(upload)
    values = [(part.checksum.value if part.checksum else "", part.size) for part in parts]
    if upload.checksum_type is ChecksumType.FULL_OBJECT:
        return full_object(algorithm, values)
    return composite(algorithm, [value for value, _ in values])
