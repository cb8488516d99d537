"""Checksums as AIStore names and writes them: a type, and the digest in hex.

`xxhash2` and the older `xxhash` are both XXH64 without a seed. Objects that come by this API keep
that one, and S3 clients see it as XXHASH64; those that came by S3 show theirs if AIStore knows it,
else their MD5.
"""

from __future__ import annotations

import base64
import re
from binascii import a2b_base64
from typing import NamedTuple

from s3gw.checksums import ALGORITHMS, Promises
from s3gw.encryption.request import AES256
from s3gw.native.errors import NativeError, Tcode, unsupported
from storage.values import Checksum, ChecksumType, ObjectInfo

TYPE_HEADER = "Ais-Checksum-Type"
VALUE_HEADER = "Ais-Checksum-Value"
NONE = "none"
# The type that new objects get.
DEFAULT = "xxhash2"
KEPT = ALGORITHMS["XXHASH64"]

_S3_NAMES = {
    "xxhash2": "XXHASH64",
    "xxhash": "XXHASH64",
    "md5": "MD5",
    "crc32c": "CRC32C",
    "sha256": "SHA256",
    "sha512": "SHA512",
}
_NAMES = {s3: ais for ais, s3 in reversed(_S3_NAMES.items())}
_MD5 = re.compile(r"[0-9a-f]{32}")
_HEX = re.compile(r"[0-9a-fA-F]+")


class AisChecksum(NamedTuple):
    type: str
    value: str

    def headers(self) -> dict[str, str]:
        return {TYPE_HEADER: self.type, VALUE_HEADER: self.value}


def read_promise(kind: str, value: str) -> Promises:
    """What the headers promise of the body; nothing when they are empty or `none`. Raises 400."""
    if kind in ("", NONE) or not value:
        return Promises()
    name = _S3_NAMES.get(kind.lower())
    if name is None:
        raise unsupported(f'checksum type "{kind[:32]}"')
    algorithm = ALGORITHMS[name]
    if not _HEX.fullmatch(value) or len(value) != 2 * algorithm.size_bytes:
        raise NativeError(400, f"invalid {kind} checksum {value[:130]!r}", Tcode.CHECKSUM)
    encoded = base64.b64encode(bytes.fromhex(value)).decode()
    return Promises(algorithm=algorithm, checksum=encoded)


def checksum_of(info: ObjectInfo) -> AisChecksum | None:
    """The object's checksum in AIStore's words; None when it has none that AIStore knows."""
    text = checksum_text(info)
    if not text:
        return None
    kept = info.checksum if _is_known(info.checksum) else None
    return AisChecksum(_NAMES[kept.algorithm] if kept else "md5", text)


def checksum_text(info: ObjectInfo) -> str:
    """Its value alone, in hex; empty when it has none."""
    kept = info.checksum
    if kept is not None and _is_known(kept):
        return a2b_base64(kept.value).hex()
    encryption = info.attributes.encryption
    is_md5 = _MD5.fullmatch(info.etag) and (encryption is None or encryption.scheme == AES256)
    return info.etag if is_md5 else ""


def _is_known(kept: Checksum | None) -> bool:
    return kept is not None and kept.type is ChecksumType.FULL_OBJECT and kept.algorithm in _NAMES
