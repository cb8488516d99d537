"""Checksum headers: a request's promises, and the checksums of replies.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64

from s3gw.http.request import AuthenticatedRequest, Request
from s3gw.objects.checksums import (
    ALGORITHMS,
    MAX_PAYLOAD,
    PREFIX,
    Algorithm,
    Payload,
    PayloadCheck,
    Promises,
    algorithm_named,
    checked_value,
)
from s3gw.wire.errors import Code, S3Error
from storage.values import Checksum

_BY_HEADER = {algorithm.header: algorithm for algorithm in ALGORITHMS.values()}
# Headers under the same prefix whose value is not a checksum.
_NOT_VALUES = frozenset({"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"})


def read_payload(
    call: AuthenticatedRequest,
    keep: Algorithm | None = None,
    promises: Promises | None = None,
    etag: str = "",
) -> Payload:
    """Return what the headers say of the call's body; raise if its length is unknown or too large.
    `promises` are by default those of the headers."""
    if call.decoded_length is None and "transfer-encoding" not in call.headers:
        raise S3Error(Code.MissingContentLength)
    if call.decoded_length is not None and call.decoded_length > MAX_PAYLOAD:
        raise S3Error(
            Code.EntityTooLarge,
            ProposedSize=str(call.decoded_length),
            MaxSizeAllowed=str(MAX_PAYLOAD),
        )
    promised = promises or read_promises(call)
    return Payload(promised, call.trailers, keep, call.decoded_length, etag=etag)


def read_promises(call: Request) -> Promises:
    """Return the promises of the headers. Raise `InvalidDigest` and `InvalidRequest` for invalid
    ones."""
    headers = call.headers
    named = [name for name in headers if name.startswith(PREFIX) and name not in _NOT_VALUES]
    trailer = _checksum_trailer(headers.get("x-amz-trailer", ""))
    if len(named) + (trailer is not None) > 1:
        message = (
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
        raise S3Error(Code.InvalidRequest, message)
    name = named[0] if named else trailer
    algorithm = _algorithm_of(name) if name else None
    _check_sdk_algorithm(headers.get("x-amz-sdk-checksum-algorithm"), algorithm)
    return Promises(
        md5=_md5_header(headers.get("content-md5")),
        sha256=call.content_sha256,
        algorithm=algorithm,
        checksum=checked_value(algorithm, headers[named[0]]) if algorithm and named else None,
        trailer=trailer,
    )


def read_hashes(call: Request) -> Promises:
    """Return the promises except the S3 checksum."""
    md5 = _md5_header(call.headers.get("content-md5"))
    return Promises(md5=md5, sha256=call.content_sha256)


def verify_document(call: Request, text: bytes, *, checksummed: bool = True) -> None:
    """Check the promises about a request document; its checksum header only if `checksummed`."""
    promises = read_promises(call) if checksummed else read_hashes(call)
    check = PayloadCheck(Payload(promises, call.trailers, announced=call.decoded_length))
    check.update(text)
    check.check()


def checksum_headers(checksum: Checksum | None) -> dict[str, str]:
    if checksum is None:
        return {}
    return {
        ALGORITHMS[checksum.algorithm].header: checksum.value,
        "x-amz-checksum-type": checksum.type.value,
    }


def _checksum_trailer(announced: str) -> str | None:
    names = [name.strip().lower() for name in announced.split(",")]
    return next((name for name in names if name.startswith(PREFIX)), None)


def _algorithm_of(header: str) -> Algorithm:
    try:
        return _BY_HEADER[header]
    except KeyError:
        raise S3Error(Code.InvalidRequest, f"The checksum {header} is not supported.") from None


def _check_sdk_algorithm(named: str | None, sent: Algorithm | None) -> None:
    """Raise unless a checksum of the type named by `x-amz-sdk-checksum-algorithm` was sent."""
    if named is None:
        return
    algorithm = algorithm_named(named)
    if sent is None:
        message = (
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
            "x-amz-trailer headers were found."
        )
        raise S3Error(Code.InvalidRequest, message)
    if algorithm is not sent:
        message = "Value for x-amz-sdk-checksum-algorithm header is invalid."
        raise S3Error(Code.InvalidRequest, message)


def _md5_header(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise S3Error(Code.InvalidDigest, headers=None, **{"Content-MD5": text})
    return digest
