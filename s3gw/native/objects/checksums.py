"""Checksums as AIStore names and writes them: a type, and hex.

`xxhash2` and the older `xxhash` are both XXH64 without a seed. Objects written by this API keep the
type of their bucket, shown to S3 clients under S3's own name for it, as XXHASH64; objects written
by S3 show their own type if AIStore knows it, else their MD5.
"""

from __future__ import annotations

import base64
import re
from binascii import a2b_base64
from typing import NamedTuple

from s3gw.config.bucket_properties import NO_CHECKSUM, XXHASH2, properties_of
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.objects.bucket_checksums import TYPES
from s3gw.objects.checksums import Promises
from s3gw.objects.encryption import AES256
from storage.values import BucketInfo, Checksum, ChecksumType, Listed, ObjectInfo

TYPE_HEADER = "Ais-Checksum-Type"
VALUE_HEADER = "Ais-Checksum-Value"
NONE = NO_CHECKSUM
_XXHASH = "xxhash"
_NAMES = {algorithm.name: name for name, algorithm in reversed([*TYPES.items()])}
_MD5 = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"[0-9a-fA-F]+")


class AisChecksum(NamedTuple):
    type: str
    value: str

    def headers(self) -> dict[str, str]:
        return {TYPE_HEADER: self.type, VALUE_HEADER: self.value}


def read_promise(kind: str, value: str) -> Promises:
    """Return the headers' promise about the body; empty if they are empty or `none`. Raise 400."""
    if kind in ("", NONE) or not value:
        return Promises()
    algorithm = TYPES.get(kind.lower())
    if algorithm is None:
        raise unsupported(f'checksum type "{kind[:32]}"')
    if not _HEX.fullmatch(value) or len(value) != 2 * algorithm.size_bytes:
        raise NativeError(400, f"invalid {kind} checksum {value[:130]!r}", Tcode.CHECKSUM)
    encoded = base64.b64encode(bytes.fromhex(value)).decode()
    return Promises(algorithm=algorithm, checksum=encoded)


def checksum_of(info: ObjectInfo, bucket: BucketInfo) -> AisChecksum | None:
    """Return the object's checksum under AIStore's name; None if it has no type that AIStore knows.
    XXH64 has the name that the bucket has for it."""
    of_bucket = properties_of(bucket).checksum
    text = checksum_text(info, of_bucket)
    if not text:
        return None
    kept = info.checksum if _is_known(info.checksum) else None
    name = _NAMES[kept.algorithm] if kept else "md5"
    return AisChecksum(_XXHASH if name == XXHASH2 and of_bucket == _XXHASH else name, text)


def checksum_text(info: Listed, of_bucket: str = XXHASH2) -> str:
    """Return its value alone, in hex; empty without one. In a bucket of the type `none` an ETag is
    not shown as a checksum."""
    kept = info.checksum
    if kept is not None and _is_known(kept):
        return a2b_base64(kept.value).hex()
    if of_bucket == NONE:
        return ""
    encryption = info.attributes.encryption
    is_md5 = _MD5.fullmatch(info.etag) and (encryption is None or encryption.scheme == AES256)
    return info.etag if is_md5 else ""


def _is_known(kept: Checksum | None) -> bool:
    return kept is not None and kept.type is ChecksumType.FULL_OBJECT and kept.algorithm in _NAMES
