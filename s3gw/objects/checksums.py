"""Integrity of payloads: the client's promises, computed and compared.

A payload can carry up to three promises: `Content-MD5`, the signature's `x-amz-content-sha256`, and
one `x-amz-checksum-<algorithm>`, in the headers or in the trailer of an aws-chunked body. All are
checked before the object is committed. The S3 checksum is kept and returned; an upload without one
gets a CRC64NVME, as at AWS.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Protocol

import xxhash
from awscrt import checksums as crt
from msgspec import Struct, field

from s3gw.config.bucket_properties import ETAG_MD5, properties_of
from s3gw.wire.errors import Code, S3Error
from storage.values import BucketInfo, Checksum, ChecksumType, Sealed

DEFAULT_ALGORITHM = "CRC64NVME"
_MD5_NAME = "MD5"
# How an ETag ends that is no MD5, as that of an upload of one part: nobody takes it for an MD5.
NOT_MD5 = "-1"
PREFIX = "x-amz-checksum-"
# The most bytes of one request, also of one without a length.
MAX_PAYLOAD = 5 << 30


class Hasher(Protocol):
    def update(self, block: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Crc:
    """A CRC with hashlib's interface; `width` bytes, big-endian as S3 writes them."""

    def __init__(self, function: Callable[[bytes, int], int], width: int) -> None:
        self._function = function
        self._width = width
        self._value = 0

    def update(self, block: bytes, /) -> None:
        self._value = self._function(block, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class Algorithm(Struct, frozen=True):
    """One of S3's checksums. `combine(first, second, second_size)` joins those of two neighbours,
    for algorithms that can be FULL_OBJECT over a multipart upload."""

    name: str
    new: Callable[[], Hasher]
    size_bytes: int
    combine: Callable[[int, int, int], int] | None = None

    @property
    def header(self) -> str:
        return PREFIX + self.name.lower()


ALGORITHMS: Mapping[str, Algorithm] = {
    a.name: a
    for a in (
        Algorithm("CRC32", lambda: Crc(zlib.crc32, 4), 4, crt.combine_crc32),
        Algorithm("CRC32C", lambda: Crc(crt.crc32c, 4), 4, crt.combine_crc32c),
        Algorithm("CRC64NVME", lambda: Crc(crt.crc64nvme, 8), 8, crt.combine_crc64nvme),
        Algorithm("SHA1", lambda: hashlib.sha1(usedforsecurity=False), 20),
        Algorithm("SHA256", hashlib.sha256, 32),
        Algorithm("SHA512", hashlib.sha512, 64),
        Algorithm("MD5", lambda: hashlib.md5(usedforsecurity=False), 16),
        Algorithm("XXHASH64", xxhash.xxh64, 8),
        Algorithm("XXHASH3", xxhash.xxh3_64, 8),
        Algorithm("XXHASH128", xxhash.xxh3_128, 16),
    )
}
# The algorithms that AWS names where another was sent.
_TOLD = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
# Null algorithm: store no S3 checksum, only the ETag.
NO_ALGORITHM = Algorithm("", lambda: Crc(lambda block, before: 0, 0), 0)


def algorithm_named(name: str) -> Algorithm:
    try:
        return ALGORITHMS[name.upper()]
    except KeyError:
        raise S3Error(
            Code.InvalidRequest,
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            f"types: [{', '.join(_TOLD)}]",
        ) from None


class Promises(Struct, frozen=True):
    """A request's promises about its payload; digests are raw bytes, `trailer` is the name of the
    header that brings the checksum's value after the payload."""

    md5: bytes | None = None
    sha256: str | None = None
    algorithm: Algorithm | None = None
    checksum: str | None = None
    trailer: str | None = None


NO_PROMISES = Promises()


class Payload(Struct):
    """What is known of a payload before its bytes.

    `trailers` are filled by the end of the body; `announced` is its length. `keep` is the algorithm
    whose value is stored, whatever the client sent; `NO_ALGORITHM` stores no checksum. `etag` is
    the kind of the ETag where it is not the bucket's to say.
    """

    promises: Promises = NO_PROMISES
    trailers: Mapping[str, str] = field(default_factory=dict)
    keep: Algorithm | None = None
    announced: int | None = None
    limit: int = MAX_PAYLOAD
    etag: str = ""


class PayloadCheck:
    """Compares a payload with its length and the client's promises."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload
        self._size = 0
        promises = payload.promises
        self._hashers: dict[str, Hasher] = {}
        self._sha256 = hashlib.sha256() if promises.sha256 else None
        if promises.algorithm is not None:
            self._hashers[promises.algorithm.name] = promises.algorithm.new()
        if promises.md5 is not None:
            self._hashers.setdefault(_MD5_NAME, hashlib.md5(usedforsecurity=False))
        self._updates = [h.update for h in self._hashers.values()]
        if self._sha256 is not None:
            self._updates.append(self._sha256.update)

    def update(self, block: bytes) -> None:
        self._size += len(block)
        if self._size > self._payload.limit:
            raise S3Error(Code.EntityTooLarge, MaxSizeAllowed=str(self._payload.limit))
        for update in self._updates:
            update(block)

    def check(self) -> None:
        """Raise unless the whole payload was what its sender promised."""
        payload, promises = self._payload, self._payload.promises
        if payload.announced is not None and self._size != payload.announced:
            raise S3Error(Code.IncompleteBody)
        if promises.md5 is not None:
            md5 = self._hashers[_MD5_NAME].digest()
            if not compare_digest(promises.md5, md5):
                # AWS writes one in hexadecimal and the other in base64.
                raise S3Error(
                    Code.BadDigest,
                    "The Content-MD5 you specified did not match what we received.",
                    ExpectedDigest=promises.md5.hex(),
                    CalculatedDigest=_base64(md5),
                )
        if self._sha256 is not None and self._sha256.hexdigest() != promises.sha256:
            raise S3Error(
                Code.XAmzContentSHA256Mismatch,
                ClientComputedContentSHA256=promises.sha256 or "",
                S3ComputedContentSHA256=self._sha256.hexdigest(),
            )
        if promises.algorithm is not None:
            self._check_value(promises.algorithm)

    def _check_value(self, algorithm: Algorithm) -> None:
        promises = self._payload.promises
        promised = promises.checksum
        if promises.trailer is not None:
            promised = self._payload.trailers.get(promises.trailer)
            if promised is None:
                raise S3Error(
                    Code.InvalidRequest, "The trailing checksum was announced and absent."
                )
            promised = checked_value(algorithm, promised)
        if promised != self._value(algorithm):
            raise S3Error(
                Code.BadDigest,
                f"The {algorithm.name} you specified did not match the calculated checksum.",
            )

    def _value(self, algorithm: Algorithm) -> str:
        return _base64(self._hashers[algorithm.name].digest())


class PayloadDigest(PayloadCheck):
    """A `BodyDigest`: checks the promises, and computes checksum and ETag of an object or a part.

    The one place where the kind of an ETag is decided, so it takes the bucket that is written to.
    """

    def __init__(self, payload: Payload, bucket: BucketInfo) -> None:
        super().__init__(payload)
        keep = payload.keep or payload.promises.algorithm or ALGORITHMS[DEFAULT_ALGORITHM]
        self._keep = None if keep is NO_ALGORITHM else keep
        if self._keep is not None:
            self._compute(self._keep)
        if (payload.etag or properties_of(bucket).etag) == ETAG_MD5:
            self._compute(ALGORITHMS[_MD5_NAME])
        # An MD5 that is computed anyway is the ETag.
        self._xxh3 = None if _MD5_NAME in self._hashers else xxhash.xxh3_128()
        if self._xxh3 is not None:
            self._updates.append(self._xxh3.update)

    def seal(self) -> Sealed:
        self.check()
        kept = self._keep
        return Sealed(self._etag(), Checksum(kept.name, self._value(kept)) if kept else None)

    def _compute(self, algorithm: Algorithm) -> None:
        if algorithm.name not in self._hashers:
            hasher = self._hashers[algorithm.name] = algorithm.new()
            self._updates.append(hasher.update)

    def _etag(self) -> str:
        if self._xxh3 is None:
            return self._hashers[_MD5_NAME].digest().hex()
        return self._xxh3.hexdigest() + NOT_MD5


def composite(algorithm: Algorithm, values: list[str]) -> Checksum:
    """Return the checksum of the parts' checksums, as S3 writes it: `value-N`."""
    hasher = algorithm.new()
    for value in values:
        hasher.update(base64.b64decode(value))
    whole = f"{_base64(hasher.digest())}-{len(values)}"
    return Checksum(algorithm.name, whole, ChecksumType.COMPOSITE)


def full_object(algorithm: Algorithm, parts: list[tuple[str, int]]) -> Checksum:
    """Return the checksum of the parts laid end to end, from their (value, size). Raise
    `InvalidRequest` for an algorithm that cannot combine them."""
    if algorithm.combine is None:
        message = f"The FULL_OBJECT checksum type cannot be used with {algorithm.name}."
        raise S3Error(Code.InvalidRequest, message)
    whole = 0
    for value, size in parts:
        whole = algorithm.combine(whole, int.from_bytes(base64.b64decode(value), "big"), size)
    value = _base64(whole.to_bytes(algorithm.size_bytes, "big"))
    return Checksum(algorithm.name, value, ChecksumType.FULL_OBJECT)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def checked_value(algorithm: Algorithm, text: str) -> str:
    """Return the value, if it is valid for that algorithm. Raise `InvalidRequest`."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != algorithm.size_bytes:
        raise S3Error(Code.InvalidRequest, f"Value for {algorithm.header} header is invalid.")
    return text
