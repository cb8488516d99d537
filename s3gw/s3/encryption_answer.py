"""Server-side encryption headers of replies."""

from __future__ import annotations

import base64

from storage.values import Encryption

_HEADER = "x-amz-server-side-encryption"


def encryption_headers(record: Encryption | None) -> dict[str, str]:
    """Return the headers of an object, a part or an upload, whether it is written or read."""
    if record is None:
        return {}
    if record.customer_key_md5:
        return {
            f"{_HEADER}-customer-algorithm": "AES256",
            f"{_HEADER}-customer-key-MD5": record.customer_key_md5,
        }
    headers = {_HEADER: record.scheme}
    if record.scheme == "aws:kms":
        headers[f"{_HEADER}-aws-kms-key-id"] = record.key_id
        if record.bucket_key:
            headers[f"{_HEADER}-bucket-key-enabled"] = "true"
    return headers


def written_encryption_headers(record: Encryption | None) -> dict[str, str]:
    """Return the headers for the object's writer, who may know the context."""
    headers = encryption_headers(record)
    if record is not None and record.context:
        headers[f"{_HEADER}-context"] = base64.b64encode(record.context.encode()).decode()
    return headers
