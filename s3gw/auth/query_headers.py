"""Headers in the query of a presigned URL: applied, refused or ignored, by name.

Who holds a presigned URL may know nothing but the URL, so several SDKs sign headers of the request
as parameters of its query (JavaScript, Ruby, Go, boto with Version 2). What the signer asked for
must not get lost. A value that AWS applies is a header here, as if it had been sent; one that AWS
is known to drop, or that nobody has seen it apply, is refused, so that nobody takes it for applied.
A few are ignored, as at AWS, because SDKs sign them without being asked, or because they are about
bytes that the signer did not see. docs/s3.md has the table, with the sources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

from s3gw.sigv4.query import REQUIRED
from s3gw.wire.errors import Code, S3Error

if TYPE_CHECKING:
    from s3gw.http.request import Request


class Fate(Enum):
    APPLIED = "applied"
    IGNORED = "ignored"
    REFUSED = "refused"


_ENCRYPTION = "x-amz-server-side-encryption"
# A name that ends in `-` stands for all that begin so; a whole name decides first.
FATES: Mapping[str, Fate] = {
    "x-amz-acl": Fate.APPLIED,
    "x-amz-expected-bucket-owner": Fate.APPLIED,
    "x-amz-grant-": Fate.APPLIED,
    "x-amz-max-parts": Fate.APPLIED,
    "x-amz-meta-": Fate.APPLIED,
    "x-amz-object-attributes": Fate.APPLIED,
    "x-amz-optional-object-attributes": Fate.APPLIED,
    "x-amz-part-number-marker": Fate.APPLIED,
    "x-amz-request-payer": Fate.APPLIED,
    _ENCRYPTION: Fate.APPLIED,
    f"{_ENCRYPTION}-aws-kms-key-id": Fate.APPLIED,
    f"{_ENCRYPTION}-bucket-key-enabled": Fate.APPLIED,
    f"{_ENCRYPTION}-context": Fate.APPLIED,
    "x-amz-storage-class": Fate.APPLIED,
    "if-match": Fate.APPLIED,
    "if-modified-since": Fate.APPLIED,
    "if-none-match": Fate.APPLIED,
    "if-unmodified-since": Fate.APPLIED,
    "x-amz-checksum-": Fate.IGNORED,
    "x-amz-copy-source": Fate.IGNORED,
    "x-amz-copy-source-": Fate.IGNORED,
    "x-amz-metadata-directive": Fate.IGNORED,
    "x-amz-sdk-": Fate.IGNORED,
    "x-amz-source-expected-bucket-owner": Fate.IGNORED,
    "x-amz-tagging-directive": Fate.IGNORED,
    "x-amz-bucket-": Fate.REFUSED,
    "x-amz-bypass-governance-retention": Fate.REFUSED,
    "x-amz-confirm-remove-self-bucket-access": Fate.REFUSED,
    "x-amz-if-": Fate.REFUSED,
    "x-amz-mfa": Fate.REFUSED,
    "x-amz-mp-object-size": Fate.REFUSED,
    "x-amz-object-lock-": Fate.REFUSED,
    "x-amz-object-ownership": Fate.REFUSED,
    "x-amz-rename-source": Fate.REFUSED,
    "x-amz-rename-source-": Fate.REFUSED,
    f"{_ENCRYPTION}-customer-": Fate.REFUSED,
    "x-amz-tagging": Fate.REFUSED,
    "x-amz-transition-default-minimum-object-size": Fate.REFUSED,
    "x-amz-website-redirect-location": Fate.REFUSED,
    "x-amz-write-offset-bytes": Fate.REFUSED,
}
# Nearly all presigned URLs have these and nothing else.
_OF_SIGNATURE = frozenset(REQUIRED)
_PREFIXES = tuple(name for name in FATES if name.endswith("-"))
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def fate_of(name: str) -> Fate | None:
    """Return what becomes of a parameter, by its name in lower case; None for what is not a header
    of S3."""
    if found := FATES.get(name):
        return found
    if not name.startswith(_PREFIXES):
        return None
    return next((FATES[prefix] for prefix in _PREFIXES if name.startswith(prefix)), None)


def read_query_headers(request: Request) -> dict[str, str]:
    """Return the query's headers that are applied, in the form of headers.

    Raise `NotImplemented` for a refused one, unless the same is sent as a header, and
    `InvalidArgument` for a value that no header can have.
    """
    found: dict[str, str] = {}
    if request.query.keys() <= _OF_SIGNATURE:
        return found
    for parameter, text in request.query.items():
        name = parameter.lower()
        fate = fate_of(name)
        if fate is None or fate is Fate.IGNORED:
            continue
        if _CONTROLS.search(text):
            message = "Header value contains control characters."
            raise S3Error(Code.InvalidArgument, message, ArgumentName=parameter)
        # Headers are latin-1 here, whatever bytes they have.
        value = text.strip(" \t").encode().decode("latin-1")
        if fate is Fate.APPLIED:
            found[name] = value
        elif request.headers.get(name) != value:
            message = (
                f"{parameter} is not applied from the query of a presigned URL. Sign it as a "
                "header, and send it as one."
            )
            raise S3Error(Code.NotImplemented, message, Header=parameter)
    return found


def apply_query_headers(request: Request, values: Mapping[str, str]) -> None:
    """Add the values to the request's headers. Raise `InvalidArgument` where it was sent with
    another value: the signer's is not for the sender to change."""
    for name, value in values.items():
        if request.headers.get(name, value) != value:
            message = "The header and the signed query have different values."
            raise S3Error(Code.InvalidArgument, message, ArgumentName=name)
    if values:
        request.headers = {**request.headers, **values}
