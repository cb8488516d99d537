"""Server-side encryption headers of requests and replies.

Requests presigned with Signature Version 2 carry these headers in their query.
"""

from __future__ import annotations

import base64
import hashlib
from binascii import Error
from hmac import compare_digest

import msgspec

from s3gw.http.request import Request
from s3gw.objects.encryption import (
    AES256,
    BUCKET_DEFAULT,
    KMS,
    NOT_APPLICABLE,
    SSE_C,
    CustomerKey,
    EncryptionRequest,
    ReadCustomerKey,
    with_customer_key,
    wrong_key,
)
from s3gw.wire.errors import Code, S3Error
from storage.values import Encryption, ObjectInfo, Reading, UploadInfo

HEADER = "x-amz-server-side-encryption"
KEY_ID = f"{HEADER}-aws-kms-key-id"
CONTEXT = f"{HEADER}-context"
BUCKET_KEY = f"{HEADER}-bucket-key-enabled"
CUSTOMER = f"{HEADER}-customer-"
SOURCE_CUSTOMER = "x-amz-copy-source-server-side-encryption-customer-"
_DSSE = "aws:kms:dsse"
_KMS_ONLY = (KEY_ID, CONTEXT, BUCKET_KEY)
_CUSTOMER_ONLY = [CUSTOMER + name for name in ("algorithm", "key", "key-md5")]
ENCRYPTION_HEADERS = frozenset([HEADER, *_KMS_ONLY, *_CUSTOMER_ONLY])
_KEY_BYTES = 32
_MAX_CONTEXT = 8192
_PARTS_NEED_KEY = (
    "The multipart upload initiate requested encryption. Subsequent part requests must include the "
    "appropriate encryption parameters."
)
_NO_KEY = "The secret key was invalid for the specified algorithm."
_OTHER_KEY = "The provided encryption parameters did not match the ones used originally."


def read_encryption(call: Request) -> EncryptionRequest:
    """Return how to encrypt the object that the request writes. Raise for contradictions."""
    _refuse_unknown(call)
    if ENCRYPTION_HEADERS.isdisjoint(call.headers) and ENCRYPTION_HEADERS.isdisjoint(call.query):
        return BUCKET_DEFAULT
    method = sent(call, HEADER)
    if any(sent(call, name) is not None for name in _CUSTOMER_ONLY):
        _refuse_both(call)
    if (customer := read_customer_key(call)) is not None:
        return EncryptionRequest(SSE_C, customer)
    if method is not None:
        _check_method(method)
    if method != KMS:
        _refuse_kms_details(call, method)
    return EncryptionRequest(
        method or "",
        key_id=_key_id(sent(call, KEY_ID)),
        context=_context(sent(call, CONTEXT)),
        bucket_key=_switch(sent(call, BUCKET_KEY)),
    )


def read_customer_key(
    call: Request, prefix: str = CUSTOMER, *, reads: bool = False
) -> CustomerKey | None:
    """Read the three headers of SSE-C that begin with `prefix`; they come together or not at
    all. AWS names none of them where one is wrong, but the header of the other encryptions. For a
    request that `reads`, a key of another length is as any that is not the object's."""
    algorithm, key = sent(call, prefix + "algorithm"), sent(call, prefix + "key")
    md5 = sent(call, prefix + "key-md5")
    if algorithm is key is md5 is None:
        return None
    if algorithm is None:
        raise _bad(HEADER, _MUST_PROVIDE + "a valid encryption algorithm.")
    if algorithm != AES256:
        details = {"ArgumentName": HEADER, "ArgumentValue": algorithm}
        raise S3Error(Code.InvalidEncryptionAlgorithmError, headers=None, **details)
    if key is None:
        raise _bad(HEADER, _MUST_PROVIDE + "an appropriate secret key.")
    if md5 is None:
        raise _bad(HEADER, _MUST_PROVIDE + "the client calculated MD5 of the secret key.")
    return _customer_key(key, md5, wrong_key() if reads else _bad(HEADER, _NO_KEY))


def customer_key(call: Request, prefix: str = CUSTOMER) -> ReadCustomerKey:
    """Return what reads the request's customer key when an object needs it."""
    return lambda: read_customer_key(call, prefix, reads=True)


def check_reader(call: Request, info: ObjectInfo, prefix: str = CUSTOMER) -> None:
    """Check the headers of a read without bytes: they must be those that the bytes would need."""
    refuse_on_reads(call)
    record = info.attributes.encryption
    if record is not None and record.scheme == SSE_C:
        with_customer_key(record, read_customer_key(call, prefix, reads=True))
    elif read_customer_key(call, prefix) is not None:
        raise S3Error(Code.InvalidRequest, NOT_APPLICABLE)


async def checked(call: Request, reading: Reading, prefix: str = CUSTOMER) -> Reading:
    """Return the reading; close it and refuse if a key came for an object in the clear."""
    if reading.info.attributes.encryption is None and read_customer_key(call, prefix) is not None:
        if not isinstance(reading.body, bytes):
            await reading.body.aclose()
        raise S3Error(Code.InvalidRequest, NOT_APPLICABLE)
    return reading


def check_part(call: Request, upload: UploadInfo) -> None:
    """Raise if a part's headers contradict its upload's encryption."""
    _check_upload(call, upload, needs_key=True)


def check_completion(call: Request, upload: UploadInfo) -> None:
    """Check the customer's key: AWS needs it again only for uploads that named a checksum."""
    _check_upload(call, upload, needs_key=bool(upload.checksum_algorithm))


def _check_upload(call: Request, upload: UploadInfo, *, needs_key: bool) -> None:
    record, customer = upload.attributes.encryption, read_customer_key(call)
    if record is None or record.scheme != SSE_C:
        if customer is not None:
            raise S3Error(Code.InvalidRequest, _PARTS_NEED_KEY)
    elif customer is None:
        if needs_key:
            raise S3Error(Code.InvalidRequest, _PARTS_NEED_KEY)
    elif customer.md5 != record.customer_key_md5:
        raise S3Error(Code.InvalidRequest, _OTHER_KEY)
    scheme = record.scheme if record else ""
    for name, needed in {HEADER: scheme, KEY_ID: KMS, CONTEXT: KMS, BUCKET_KEY: KMS}.items():
        value = sent(call, name)
        if value is not None and (scheme != needed or (name == HEADER and value != scheme)):
            message = "A part cannot be encrypted in another way than its upload."
            raise S3Error(Code.InvalidArgument, message, ArgumentName=name)


def refuse_on_reads(call: Request) -> None:
    """Refuse encryption headers on reads, except the customer's key."""
    for name in (HEADER, KEY_ID, CONTEXT):
        if sent(call, name) is not None:
            raise _bad(name, f"{name} header is not supported for this operation.")


def refuse_any(call: Request) -> None:
    """Refuse them in operations whose requests cannot be encrypted at all."""
    for name in call.headers:
        if name.startswith(HEADER):
            raise S3Error(Code.NotImplemented, Header=name)


def sent(call: Request, name: str) -> str | None:
    value = call.headers.get(name)
    return call.query.get(name) if value is None and call.query else value


_MUST_PROVIDE = (
    "Requests specifying Server Side Encryption with Customer provided keys must provide "
)


def _customer_key(text: str, md5: str, of_other_length: S3Error) -> CustomerKey:
    try:
        key = base64.b64decode(text, validate=True)
    except (Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise of_other_length
    digest = base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()
    if not compare_digest(digest.encode(), md5.encode()):
        message = "The calculated MD5 hash of the key did not match the hash that was provided."
        raise _bad(HEADER, message)
    return CustomerKey(key, digest)


def _refuse_unknown(call: Request) -> None:
    for name in call.headers:
        if name.startswith(HEADER) and name not in ENCRYPTION_HEADERS:
            raise S3Error(Code.NotImplemented, Header=name)


def _refuse_both(call: Request) -> None:
    if any(sent(call, name) is not None for name in (HEADER, *_KMS_ONLY)):
        message = (
            "Server Side Encryption with Customer provided key is incompatible with the encryption "
            "method specified"
        )
        value = sent(call, HEADER)
        told = {"ArgumentValue": value} if value is not None else {}
        raise S3Error(Code.InvalidArgument, message, headers=None, ArgumentName=HEADER, **told)


def _check_method(method: str) -> None:
    if method == _DSSE:
        message = "Two layers of encryption (aws:kms:dsse) are not implemented."
        raise S3Error(Code.NotImplemented, message, Header=HEADER)
    if method not in (AES256, KMS):
        message = "The encryption method specified is not supported"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=HEADER, ArgumentValue=method)


def _refuse_kms_details(call: Request, method: str | None) -> None:
    """Refuse the details without KMS. A bucket key may come without a method: the bucket's default
    may be KMS."""
    names = (KEY_ID, CONTEXT) if method is None else _KMS_ONLY
    for name in names:
        if sent(call, name) is not None:
            message = (
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                f"{HEADER} : {KMS}"
            )
            raise _bad(name, message)


def _key_id(text: str | None) -> str:
    """Return the key's id; an ARN has it last: `arn:aws:kms:REGION:ACCOUNT:key/ID`."""
    if text is None:
        return ""
    if not text:
        raise _bad(KEY_ID, "The KMS key id is empty.")
    return key_of_arn(text)


def key_of_arn(text: str) -> str:
    if not text.startswith("arn:"):
        return text
    return text.rpartition(":")[2].removeprefix("key/").removeprefix("alias/")


def _context(text: str | None) -> str:
    """Return the encryption context as canonical JSON: a flat object of texts."""
    if text is None:
        return ""
    try:
        if len(text) > _MAX_CONTEXT:
            raise ValueError
        pairs = msgspec.json.decode(base64.b64decode(text, validate=True), type=dict[str, str])
    except (Error, ValueError, msgspec.DecodeError):
        message = f"The header '{CONTEXT}' is not base64 of a JSON object of strings."
        raise _bad(CONTEXT, message) from None
    return msgspec.json.encode(dict(sorted(pairs.items()))).decode()


def _switch(text: str | None) -> bool | None:
    if text is None:
        return None
    if text.lower() not in ("true", "false"):
        raise _bad(BUCKET_KEY, "The value must be true or false.")
    return text.lower() == "true"


def _bad(name: str, message: str) -> S3Error:
    """Return the error, without the value: it may be a key."""
    return S3Error(Code.InvalidArgument, message, ArgumentName=name)


def encryption_headers(record: Encryption | None) -> dict[str, str]:
    """Return the headers of an object, a part or an upload, whether it is written or read."""
    if record is None:
        return {}
    if record.customer_key_md5:
        return {
            f"{CUSTOMER}algorithm": "AES256",
            f"{CUSTOMER}key-MD5": record.customer_key_md5,
        }
    headers = {HEADER: record.scheme}
    if record.scheme == "aws:kms":
        headers[KEY_ID] = record.key_id
        if record.bucket_key:
            headers[BUCKET_KEY] = "true"
    return headers


def written_encryption_headers(record: Encryption | None) -> dict[str, str]:
    """Return the headers for the object's writer, who may know the context."""
    headers = encryption_headers(record)
    if record is not None and record.context:
        headers[CONTEXT] = base64.b64encode(record.context.encode()).decode()
    return headers
