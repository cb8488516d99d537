"""What a request's headers say of encryption, and what AWS refuses of that.

Requests presigned with Signature Version 2 carry these headers in their query.
"""

from __future__ import annotations

import base64
import hashlib
from binascii import Error
from dataclasses import dataclass, field
from hmac import compare_digest

import msgspec

from s3gw.http.request import Call
from s3gw.wire.errors import Code, S3Error

HEADER = "x-amz-server-side-encryption"
KEY_ID = f"{HEADER}-aws-kms-key-id"
CONTEXT = f"{HEADER}-context"
BUCKET_KEY = f"{HEADER}-bucket-key-enabled"
CUSTOMER = f"{HEADER}-customer-"
SOURCE_CUSTOMER = "x-amz-copy-source-server-side-encryption-customer-"
AES256 = "AES256"
KMS = "aws:kms"
SSE_C = "SSE-C"
_DSSE = "aws:kms:dsse"
_KMS_ONLY = (KEY_ID, CONTEXT, BUCKET_KEY)
_CUSTOMER_ONLY = [CUSTOMER + name for name in ("algorithm", "key", "key-md5")]
_KNOWN = frozenset([HEADER, *_KMS_ONLY, *_CUSTOMER_ONLY])
_KEY_BYTES = 32
_MAX_CONTEXT = 8192


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """A key that came with the request; `md5` is base64."""

    key: bytes = field(repr=False)
    md5: str


@dataclass(frozen=True, slots=True)
class Request:
    """`scheme` is empty when none was asked for; `bucket_key` None when nothing was said of it."""

    scheme: str = ""
    customer: CustomerKey | None = None
    key_id: str = ""
    context: str = ""
    bucket_key: bool | None = None


def read_request(call: Call) -> Request:
    """How the object that the call writes is to be encrypted. Raises for what excludes itself."""
    _refuse_unknown(call)
    customer, method = read_customer_key(call), sent(call, HEADER)
    if customer is not None:
        _refuse_both(call)
        return Request(SSE_C, customer)
    if method is not None:
        _check_method(method)
    if method != KMS:
        _refuse_kms_details(call, method)
    return Request(
        method or "",
        key_id=_key_id(sent(call, KEY_ID)),
        context=_context(sent(call, CONTEXT)),
        bucket_key=_switch(sent(call, BUCKET_KEY)),
    )


def read_customer_key(call: Call, prefix: str = CUSTOMER) -> CustomerKey | None:
    """The three headers of SSE-C that begin with `prefix`; they come together or not at all."""
    algorithm, key, md5 = (sent(call, prefix + name) for name in ("algorithm", "key", "key-md5"))
    if algorithm is key is md5 is None:
        return None
    if algorithm is None:
        raise _bad(prefix + "algorithm", _MUST_PROVIDE + "a valid encryption algorithm.")
    if algorithm != AES256:
        details = {"ArgumentName": prefix + "algorithm", "ArgumentValue": algorithm}
        raise S3Error(Code.InvalidEncryptionAlgorithmError, headers=None, **details)
    if key is None:
        raise _bad(prefix + "key", _MUST_PROVIDE + "an appropriate secret key.")
    if md5 is None:
        raise _bad(
            prefix + "key-MD5", _MUST_PROVIDE + "the client calculated MD5 of the secret key."
        )
    return _customer_key(prefix, key, md5)


def refuse_on_reads(call: Call) -> None:
    """Who reads says nothing of how the object is encrypted, but for the customer's key."""
    for name in (HEADER, KEY_ID, CONTEXT):
        if sent(call, name) is not None:
            raise _bad(name, f"{name} header is not supported for this operation.")


def refuse_any(call: Call) -> None:
    """For operations whose requests cannot be encrypted at all."""
    for name in call.headers:
        if name.startswith(HEADER):
            raise S3Error(Code.NotImplemented, Header=name)


def sent(call: Call, name: str) -> str | None:
    value = call.headers.get(name)
    return call.query.get(name) if value is None and call.query else value


_MUST_PROVIDE = (
    "Requests specifying Server Side Encryption with Customer provided keys must provide "
)


def _customer_key(prefix: str, text: str, md5: str) -> CustomerKey:
    try:
        key = base64.b64decode(text, validate=True)
    except (Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise _bad(prefix + "key", "The secret key was invalid for the specified algorithm.")
    digest = base64.b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()
    if not compare_digest(digest.encode(), md5.encode()):
        message = "The calculated MD5 hash of the key did not match the hash that was provided."
        raise _bad(prefix + "key-MD5", message)
    return CustomerKey(key, digest)


def _refuse_unknown(call: Call) -> None:
    for name in call.headers:
        if name.startswith(HEADER) and name not in _KNOWN:
            raise S3Error(Code.NotImplemented, Header=name)


def _refuse_both(call: Call) -> None:
    if any(sent(call, name) is not None for name in (HEADER, *_KMS_ONLY)):
        message = (
            "Server Side Encryption with Customer provided key is incompatible with the encryption "
            "method specified"
        )
        raise _bad(HEADER, message)


def _check_method(method: str) -> None:
    if method == _DSSE:
        message = "Two layers of encryption (aws:kms:dsse) are not implemented."
        raise S3Error(Code.NotImplemented, message, Header=HEADER)
    if method not in (AES256, KMS):
        message = "The encryption method specified is not supported"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=HEADER, ArgumentValue=method)


def _refuse_kms_details(call: Call, method: str | None) -> None:
    """A bucket key may be asked for without a method: the bucket's default may be KMS."""
    names = (KEY_ID, CONTEXT) if method is None else _KMS_ONLY
    for name in names:
        if sent(call, name) is not None:
            message = (
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                f"{HEADER} : {KMS}"
            )
            raise _bad(name, message)


def _key_id(text: str | None) -> str:
    """An ARN names its key last: `arn:aws:kms:REGION:ACCOUNT:key/ID`."""
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
    """The encryption context as canonical JSON: a flat object of texts."""
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
    """The value is not shown: it may be a key."""
    return S3Error(Code.InvalidArgument, message, ArgumentName=name)
