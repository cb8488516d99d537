"""Signatures in the fields of a form, over its policy in base64.

    Version 4   x-amz-algorithm, x-amz-credential, x-amz-date, x-amz-signature
                signature = hex(HMAC(signing key, policy))
    Version 2   AWSAccessKeyId, signature
                signature = base64(HMAC-SHA1(secret, policy))

The policy limits the time a signature is valid; the date only has to be that of the credential.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping

from msgspec import Struct

from s3gw.sigv4.errors import AuthorizationMalformed, Malformed, SignatureMismatch
from s3gw.sigv4.scope import (
    ALGORITHM,
    Credential,
    Timestamp,
    parse_credential,
    parse_timestamp,
    same,
    sign,
    signing_key,
)

_V4 = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature")
_V2 = ("AWSAccessKeyId", "Signature")
_POLICY = "Policy"


class FieldMissing(ValueError):
    """A form that is signed lacks the field `name` of its signature."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class FormSignature(Struct, frozen=True):
    credential: Credential
    timestamp: Timestamp
    policy: str
    signature: str

    @property
    def access_key(self) -> str:
        return self.credential.access_key

    def expected(self, secret: str) -> str:
        key = signing_key(secret, self.credential.date, self.credential.region)
        return sign(key, self.policy)


class FormSignatureV2(Struct, frozen=True):
    access_key: str
    policy: str
    signature: str

    def expected(self, secret: str) -> str:
        digest = hmac.digest(secret.encode(), self.policy.encode(), "sha1")
        return base64.b64encode(digest).decode()


def parse_form_signature(fields: Mapping[str, str]) -> FormSignature | FormSignatureV2 | None:
    """Read the fields, by lower-case name; None without any field of a signature.

    Raises `FieldMissing` and `AuthorizationMalformed`.
    """
    if any(name.lower() in fields for name in _V4):
        return _parse_v4(*_required(fields, (*_V4, _POLICY)))
    if any(name.lower() in fields for name in _V2):
        return FormSignatureV2(*_required(fields, (_V2[0], _POLICY, _V2[1])))
    return None


def verify_form(secret: str, signed: FormSignature | FormSignatureV2) -> None:
    """Raise `SignatureMismatch` unless the signature is that of the policy."""
    if not same(signed.expected(secret), signed.signature):
        raise SignatureMismatch(signed.signature, signed.policy)


def _required(fields: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    for name in names:
        if name.lower() not in fields:
            raise FieldMissing(name)
    return [fields[name.lower()] for name in names]


def _parse_v4(
    algorithm: str, credential: str, date: str, signature: str, policy: str
) -> FormSignature:
    if algorithm != ALGORITHM:
        message = f'X-Amz-Algorithm only supports "{ALGORITHM}"'
        raise AuthorizationMalformed(Malformed.ALGORITHM, message)
    timestamp = parse_timestamp(date)
    if timestamp is None:
        message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        raise AuthorizationMalformed(Malformed.DATE, message)
    try:
        return FormSignature(parse_credential(credential), timestamp, policy, signature)
    except AuthorizationMalformed as error:
        message = f"Error parsing the X-Amz-Credential parameter; {error}"
        raise AuthorizationMalformed(error.reason, message) from None
