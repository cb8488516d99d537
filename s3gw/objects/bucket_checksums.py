"""AIStore's checksum types as S3's algorithms, and the one of a bucket.

`xxhash2` and the older `xxhash` are both XXH64 without a seed.
"""

from __future__ import annotations

from collections.abc import Mapping

from s3gw.config.bucket_properties import NO_CHECKSUM, properties_of
from s3gw.objects.checksums import ALGORITHMS, NO_ALGORITHM, Algorithm
from storage.values import BucketInfo

# By AIStore's names.
TYPES: Mapping[str, Algorithm] = {
    "xxhash2": ALGORITHMS["XXHASH64"],
    "xxhash": ALGORITHMS["XXHASH64"],
    "md5": ALGORITHMS["MD5"],
    "crc32c": ALGORITHMS["CRC32C"],
    "sha256": ALGORITHMS["SHA256"],
    "sha512": ALGORITHMS["SHA512"],
}


def kept_in(bucket: BucketInfo) -> Algorithm:
    """Return the algorithm that the bucket keeps for objects written whole by the native API or by
    a job."""
    kind = properties_of(bucket).checksum
    return NO_ALGORITHM if kind == NO_CHECKSUM else TYPES[kind]
