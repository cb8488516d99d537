"""Data keys of objects: new ones for writing, old ones for reading."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable

import msgspec
from msgspec import Struct

from s3gw.keys.provider import KMS_KEY, S3_KEY, KeyProvider, UnknownKey
from s3gw.keys.setting import BucketEncryption
from s3gw.keys.wrapping import KEY_BYTES, WrongKey, unwrap, wrap
from s3gw.wire.errors import Code, S3Error
from storage.errors import KeyRequired
from storage.secret_fields import WithSecretFields
from storage.settings import setting
from storage.values import (
    Attributes,
    BodyDigest,
    BucketInfo,
    Encryption,
    Sealed,
    Unlock,
    UploadInfo,
)

AES256 = "AES256"
KMS = "aws:kms"
SSE_C = "SSE-C"

_BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"
_KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"
_ETAG_LABEL = b"s3gw etag 1\x00"
_SSE_C_CONTEXT = b"SSE-C"
_NO_KEYS = (
    "This server has no master key, so it keeps no keys for SSE-S3 and SSE-KMS: see "
    "encryption.master_key_file in its configuration."
)
_NEEDS_KEY = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be "
    "provided to retrieve the object."
)
_WRONG_KEY = (
    "Requests specifying Server Side Encryption with Customer provided keys must provide the "
    "correct secret key."
)
NOT_APPLICABLE = "The encryption parameters are not applicable to this object."


class CustomerKey(WithSecretFields, frozen=True):
    """A key that came with the request; `md5` is base64."""

    secret_fields = frozenset({"key"})

    key: bytes
    md5: str


class EncryptionRequest(Struct, frozen=True):
    """How the caller wants an object encrypted. `scheme` is empty and `bucket_key` None if the
    request does not have them."""

    scheme: str = ""
    customer: CustomerKey | None = None
    key_id: str = ""
    context: str = ""
    bucket_key: bool | None = None


BUCKET_DEFAULT = EncryptionRequest()
# Reads the customer's key of a request when an object turns out to need one; None without one.
ReadCustomerKey = Callable[[], CustomerKey | None]


def no_customer_key() -> CustomerKey | None:
    """The key of readers that cannot send one, such as jobs."""
    return None


class Sealing(WithSecretFields, frozen=True):
    """How an object is written: in the clear when both are None. `requested` means that the request
    named an encryption."""

    secret_fields = frozenset({"data_key"})

    record: Encryption | None = None
    data_key: bytes | None = None
    requested: bool = False

    def mark(self, attributes: Attributes) -> Attributes:
        return msgspec.structs.replace(attributes, encryption=self.record)

    def digest(self, plain: BodyDigest) -> BodyDigest:
        """Return the digest of the ETag: the MD5 with SSE-S3; with others it must not reveal
        anything of the bytes."""
        if self.record is None or self.data_key is None or self.record.scheme == AES256:
            return plain
        return _HiddenDigest(plain, self.data_key)

    def keeps(self, old: Encryption | None) -> bool:
        """Whether bytes with the old encryption can stay as they are."""
        if self.record is None or old is None:
            return self.record is old
        return not self.requested and self.record.scheme == old.scheme == AES256


class _HiddenDigest:
    def __init__(self, plain: BodyDigest, data_key: bytes) -> None:
        self._plain = plain
        self._key = data_key
        self.update = plain.update

    def seal(self) -> Sealed:
        sealed = self._plain.seal()
        digest = hmac.digest(self._key, _ETAG_LABEL + sealed.etag.encode(), hashlib.sha256)
        return Sealed(digest[:16].hex(), sealed.checksum)


class Encryptor(Struct, frozen=True):
    """Data keys under the server's key ring or a customer's key. `keys` is None for a server
    without a master key: it takes SSE-C only."""

    keys: KeyProvider | None = None
    default_kms_key: str = KMS_KEY

    def require_ring(self) -> KeyProvider:
        """Return the key ring. Raise `NotImplemented` for a server without a master key."""
        if self.keys is None:
            raise S3Error(Code.NotImplemented, _NO_KEYS)
        return self.keys

    async def seal(self, bucket: BucketInfo, request: EncryptionRequest) -> Sealing:
        """Return the encryption of a new object or upload: the request's, else its bucket's
        default."""
        default = setting(bucket, BucketEncryption) or BucketEncryption()
        if request.scheme in default.blocked:
            raise S3Error(Code.AccessDenied, "This bucket does not take uploads with SSE-C.")
        if request.customer is not None:
            return _customer_sealing(request.customer)
        scheme = request.scheme or default.scheme
        if not request.scheme and request.bucket_key and scheme != KMS:
            message = "A bucket key needs encryption with aws:kms."
            raise S3Error(Code.InvalidArgument, message, ArgumentName=_BUCKET_KEY)
        return await self._ring_sealing(scheme, request, default) if scheme else Sealing()

    async def seal_part(self, upload: UploadInfo, customer: ReadCustomerKey) -> Sealing:
        """Return the encryption of a part: the upload's key."""
        record = upload.attributes.encryption
        return Sealing(record, await self.data_key(record, customer)) if record else Sealing()

    def unlock(self, customer: ReadCustomerKey) -> Unlock:
        """Return what opens the records of encrypted objects for one reader."""

        async def unlocked(record: Encryption) -> bytes:
            return await self.data_key(record, customer)

        return unlocked

    async def data_key(self, record: Encryption, customer: ReadCustomerKey) -> bytes:
        """Return the data key. Raise `InvalidRequest` for a customer's key that is missing or not
        needed, and `AccessDenied` for a wrong one."""
        key = customer()
        if record.scheme == SSE_C:
            return with_customer_key(record, key)
        if key is not None:
            raise S3Error(Code.InvalidRequest, NOT_APPLICABLE)
        context = record_context(record.scheme, record.context)
        try:
            return await self.require_ring().unwrap(record.key_id, record.wrapped, context)
        except UnknownKey as error:
            raise _no_such_key(error) from None

    async def _ring_sealing(
        self, scheme: str, request: EncryptionRequest, default: BucketEncryption
    ) -> Sealing:
        key_id, bucket_key = S3_KEY, False
        if scheme == KMS:
            key_id = request.key_id or (default.key_id if default.scheme == KMS else "")
            key_id = key_id or self.default_kms_key
            if not key_id:
                message = (
                    "Neither the request nor the bucket names a KMS key, and there is no default."
                )
                raise S3Error(Code.InvalidArgument, message, ArgumentName=_KEY_ID)
            chosen = default.bucket_key if request.bucket_key is None else request.bucket_key
            bucket_key = bool(chosen)
        try:
            made = await self.require_ring().generate(
                key_id, record_context(scheme, request.context)
            )
        except UnknownKey as error:
            raise _no_such_key(error) from None
        record = Encryption(scheme, made.wrapped, made.key_id, "", request.context, bucket_key)
        return Sealing(record, made.clear, requested=bool(request.scheme))


def refusing_one(unlock: Unlock) -> Unlock:
    """Wrap `unlock` for reading many objects: a missing or wrong key fails only its own object,
    with `KeyRequired`."""

    async def unlocked(record: Encryption) -> bytes:
        try:
            return await unlock(record)
        except S3Error as error:
            raise KeyRequired(error.message) from None

    return unlocked


def is_encrypted(bucket: BucketInfo, request: EncryptionRequest) -> bool:
    """Whether a new object is encrypted, because of the request or the bucket."""
    if request.scheme or request.customer is not None:
        return True
    default = setting(bucket, BucketEncryption)
    return default is not None and bool(default.scheme)


def has_chosen_encryption(bucket: BucketInfo) -> bool:
    """Whether somebody set a default encryption of the bucket, and it is not what new ones have."""
    default = setting(bucket, BucketEncryption)
    return default is not None and bool(default.scheme) and not default.implied


def as_before(record: Encryption) -> EncryptionRequest:
    """Return the request for the same encryption as an object has, under the server's keys."""
    if record.scheme == KMS:
        return EncryptionRequest(KMS, key_id=record.key_id, context=record.context)
    return EncryptionRequest(record.scheme)


def record_context(scheme: str, context: str) -> bytes:
    """Return the context to which the key ring binds a data key."""
    return f"{scheme}\x00{context}".encode()


def with_customer_key(record: Encryption, customer: CustomerKey | None) -> bytes:
    """Return the data key of an object under SSE-C. Raise `InvalidRequest` and `AccessDenied`."""
    if customer is None:
        raise S3Error(Code.InvalidRequest, _NEEDS_KEY)
    try:
        return unwrap(customer.key, record.wrapped, _SSE_C_CONTEXT)
    except WrongKey:
        raise wrong_key() from None


def wrong_key() -> S3Error:
    """Return the error for a customer's key that is not the object's."""
    return S3Error(Code.AccessDenied, _WRONG_KEY)


def _customer_sealing(customer: CustomerKey) -> Sealing:
    data_key = os.urandom(KEY_BYTES)
    wrapped = wrap(customer.key, data_key, _SSE_C_CONTEXT)
    return Sealing(Encryption(SSE_C, wrapped, "", customer.md5), data_key, requested=True)


def _no_such_key(error: UnknownKey) -> S3Error:
    return S3Error(Code.KMSNotFoundException, f"Key '{error.key_id}' does not exist")


def unlock_with(keys: KeyProvider | None) -> Unlock:
    """Return the `unlock` of jobs; it raises `KeyRequired` with what is missing."""

    async def unlock(record: Encryption) -> bytes:
        if record.scheme == SSE_C:
            raise KeyRequired("it is encrypted with a key of the customer's")
        if keys is None:
            raise KeyRequired("it is encrypted, and this server has no master key")
        context = record_context(record.scheme, record.context)
        try:
            return await keys.unwrap(record.key_id, record.wrapped, context)
        except UnknownKey as error:
            raise KeyRequired(f"its key '{error.key_id}' does not exist") from None

    return unlock
