"""From a request to a data key: new ones for what is written, old ones for what is read."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field

import msgspec

from s3gw.http.request import Call
from s3gw.keys.provider import S3_KEY, KeyProvider, UnknownKey
from s3gw.keys.setting import BucketEncryption
from s3gw.keys.wrapping import KEY_BYTES, WrongKey, unwrap, wrap
from s3gw.s3.encryption_headers import (
    AES256,
    BUCKET_KEY,
    CONTEXT,
    CUSTOMER,
    HEADER,
    KEY_ID,
    KMS,
    SSE_C,
    CustomerKey,
    Request,
    read_customer_key,
    read_request,
    refuse_on_reads,
    sent,
)
from s3gw.wire.errors import Code, S3Error
from storage.settings import setting
from storage.values import (
    Attributes,
    BodyDigest,
    Encryption,
    ObjectInfo,
    Reading,
    Sealed,
    Unlock,
    UploadInfo,
)

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
_NOT_APPLICABLE = "The encryption parameters are not applicable to this object."
_PARTS_NEED_KEY = (
    "The multipart upload initiate requested encryption. Subsequent part requests must include the "
    "appropriate encryption parameters."
)
_OTHER_KEY = "The provided encryption parameters did not match the ones used originally."


@dataclass(frozen=True, slots=True)
class Sealing:
    """How something is written: in the clear when both are None. `asked` says that the request
    named an encryption."""

    record: Encryption | None = None
    data_key: bytes | None = field(default=None, repr=False)
    asked: bool = False

    def mark(self, attributes: Attributes) -> Attributes:
        return msgspec.structs.replace(attributes, encryption=self.record)

    def digest(self, plain: BodyDigest) -> BodyDigest:
        """The ETag is the MD5 with SSE-S3; otherwise it must tell nothing of the bytes."""
        if self.record is None or self.data_key is None or self.record.scheme == AES256:
            return plain
        return _HiddenDigest(plain, self.data_key)

    def keeps(self, old: Encryption | None) -> bool:
        """Whether bytes that are encrypted so can stay as they are."""
        if self.record is None or old is None:
            return self.record is old
        return not self.asked and self.record.scheme == old.scheme == AES256


class _HiddenDigest:
    def __init__(self, plain: BodyDigest, data_key: bytes) -> None:
        self._plain = plain
        self._key = data_key
        self.update = plain.update

    def seal(self) -> Sealed:
        sealed = self._plain.seal()
        digest = hmac.digest(self._key, _ETAG_LABEL + sealed.etag.encode(), hashlib.sha256)
        return Sealed(digest[:16].hex(), sealed.checksum)


# Writing


async def sealing_for(call: Call) -> Sealing:
    """How the call's object, or the upload that it begins, is encrypted: as the request says, else
    as its bucket does by default."""
    request = read_request(call)
    default = setting(call.bucket_facts, BucketEncryption) or BucketEncryption()
    if request.scheme in default.blocked:
        raise S3Error(Code.AccessDenied, "This bucket does not take uploads with SSE-C.")
    scheme = request.scheme or default.scheme
    if request.customer is not None:
        return _customer_sealing(request.customer)
    if not request.scheme and request.bucket_key and scheme != KMS:
        message = "A bucket key needs encryption with aws:kms."
        raise S3Error(Code.InvalidArgument, message, ArgumentName=BUCKET_KEY)
    return await _ring_sealing(call, scheme, request, default) if scheme else Sealing()


async def part_sealing(call: Call, upload: UploadInfo) -> Sealing:
    """How a part of the upload is encrypted: with the upload's key."""
    _check_upload(call, upload, needs_key=True)
    record = upload.attributes.encryption
    return Sealing(record, await data_key_of(call, record)) if record else Sealing()


def check_completion(call: Call, upload: UploadInfo) -> None:
    """AWS needs the customer's key again only for uploads that named a checksum."""
    _check_upload(call, upload, needs_key=bool(upload.checksum_algorithm))


def _check_upload(call: Call, upload: UploadInfo, *, needs_key: bool) -> None:
    """What is said again of an upload's encryption must not contradict it."""
    record, customer = upload.attributes.encryption, read_customer_key(call)
    if record is None or record.scheme != SSE_C:
        if customer is not None:
            raise S3Error(Code.InvalidRequest, _NOT_APPLICABLE)
    elif customer is None:
        if needs_key:
            raise S3Error(Code.InvalidRequest, _PARTS_NEED_KEY)
    elif customer.md5 != record.customer_key_md5:
        raise S3Error(Code.InvalidRequest, _OTHER_KEY)
    scheme = record.scheme if record else ""
    told = {HEADER: scheme, KEY_ID: KMS, CONTEXT: KMS, BUCKET_KEY: KMS}
    for name, needed in told.items():
        value = sent(call, name)
        if value is not None and (scheme != needed or (name == HEADER and value != scheme)):
            message = "A part cannot be encrypted in another way than its upload."
            raise S3Error(Code.InvalidArgument, message, ArgumentName=name)


def _customer_sealing(customer: CustomerKey) -> Sealing:
    data_key = os.urandom(KEY_BYTES)
    wrapped = wrap(customer.key, data_key, _SSE_C_CONTEXT)
    return Sealing(Encryption(SSE_C, wrapped, "", customer.md5), data_key, asked=True)


async def _ring_sealing(
    call: Call, scheme: str, request: Request, default: BucketEncryption
) -> Sealing:
    key_id, bucket_key = S3_KEY, False
    if scheme == KMS:
        key_id = request.key_id or (default.key_id if default.scheme == KMS else "")
        key_id = key_id or call.services.default_kms_key
        if not key_id:
            message = "Neither the request nor the bucket names a KMS key, and there is no default."
            raise S3Error(Code.InvalidArgument, message, ArgumentName=KEY_ID)
        bucket_key = bool(default.bucket_key if request.bucket_key is None else request.bucket_key)
    try:
        made = await keys_of(call).generate(key_id, record_context(scheme, request.context))
    except UnknownKey as error:
        raise _no_such_key(error) from None
    record = Encryption(scheme, made.wrapped, made.key_id, "", request.context, bucket_key)
    return Sealing(record, made.clear, asked=bool(request.scheme))


def record_context(scheme: str, context: str) -> bytes:
    """What the key ring binds a data key to."""
    return f"{scheme}\x00{context}".encode()


# Reading


def unlock_for(call: Call, prefix: str = CUSTOMER) -> Unlock:
    """Opens records for the reader that the call is; `prefix` begins its SSE-C headers."""

    async def unlock(record: Encryption) -> bytes:
        return await data_key_of(call, record, prefix)

    return unlock


async def data_key_of(call: Call, record: Encryption, prefix: str = CUSTOMER) -> bytes:
    """Raises `InvalidRequest` for a customer's key that is missing or not called for, and
    `AccessDenied` for a wrong one."""
    customer = read_customer_key(call, prefix)
    if record.scheme == SSE_C:
        return _with_customer_key(record, customer)
    if customer is not None:
        raise S3Error(Code.InvalidRequest, _NOT_APPLICABLE)
    context = record_context(record.scheme, record.context)
    try:
        return await keys_of(call).unwrap(record.key_id, record.wrapped, context)
    except UnknownKey as error:
        raise _no_such_key(error) from None


def _with_customer_key(record: Encryption, customer: CustomerKey | None) -> bytes:
    if customer is None:
        raise S3Error(Code.InvalidRequest, _NEEDS_KEY)
    try:
        return unwrap(customer.key, record.wrapped, _SSE_C_CONTEXT)
    except WrongKey:
        raise S3Error(Code.AccessDenied) from None


async def check_reader(call: Call, info: ObjectInfo, prefix: str = CUSTOMER) -> None:
    """For who wants the facts and no bytes: the headers must be those that the bytes would need."""
    refuse_on_reads(call)
    record = info.attributes.encryption
    if record is not None and record.scheme == SSE_C:
        _with_customer_key(record, read_customer_key(call, prefix))
    elif read_customer_key(call, prefix) is not None:
        raise S3Error(Code.InvalidRequest, _NOT_APPLICABLE)


async def checked(call: Call, reading: Reading, prefix: str = CUSTOMER) -> Reading:
    """The reading, unless a key came for an object in the clear: then it is closed and refused."""
    if reading.info.attributes.encryption is None and read_customer_key(call, prefix) is not None:
        if not isinstance(reading.body, bytes):
            await reading.body.aclose()
        raise S3Error(Code.InvalidRequest, _NOT_APPLICABLE)
    return reading


def keys_of(call: Call) -> KeyProvider:
    """Raises `NotImplemented` when the server was given no master key."""
    if call.services.keys is None:
        raise S3Error(Code.NotImplemented, _NO_KEYS)
    return call.services.keys


def _no_such_key(error: UnknownKey) -> S3Error:
    return S3Error(Code.KMSNotFoundException, f"Key '{error.key_id}' does not exist")
