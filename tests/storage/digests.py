"""Body digests for tests: the plain one, one that remembers, two that refuse."""

from __future__ import annotations

import hashlib

from storage.values import Checksum, Sealed


class Refused(Exception):
    """What a test's body, digest, change or assembly raises on purpose."""


class Md5Digest:
    """The ETag is the MD5 of the bytes, in hexadecimal."""

    def __init__(self, checksum: Checksum | None = None) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._checksum = checksum

    def update(self, block: bytes) -> None:
        self._md5.update(block)

    def seal(self) -> Sealed:
        return Sealed(self._md5.hexdigest(), self._checksum)


class RecordingDigest(Md5Digest):
    """Keeps what it was shown, and how often it was sealed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = bytearray()
        self.seals = 0

    def update(self, block: bytes) -> None:
        assert self.seals == 0
        self.seen += block
        super().update(block)

    def seal(self) -> Sealed:
        self.seals += 1
        return super().seal()


class SealRefusingDigest(Md5Digest):
    def seal(self) -> Sealed:
        raise Refused("seal")


class UpdateRefusingDigest(Md5Digest):
    def update(self, block: bytes) -> None:
        raise Refused("update")


def md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
