"""Errors of S3, botocore and aiohttp, translated to those of storage.

An answer is looked up by its code first, then by its status; an exception of a library by its
class, the most special first. What is in no table is a `BackendError` with the foreign code. The
text of a library's exception is not repeated: it may hold a URL or a header. S3's own sentence is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from storage.backends.aws.facts import ns_of
from storage.backends.aws.place import Place
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketExists,
    BucketNotEmpty,
    BucketNotFound,
    Corrupt,
    DeleteMarkerFound,
    NotSupported,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageError,
    UploadNotFound,
    VersionNotFound,
    WriteConflict,
)

FOREIGN = (
    botocore.ClientError,
    botocore.BotoCoreError,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
)

_LONGEST_MESSAGE = 300
# Where S3 names a key in a sentence.
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")

_DENIED = frozenset(
    [
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "ExpiredTokenException",
        "Forbidden",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidToken",
        "NotSignedUp",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "Unauthorized",
        "UnauthorizedAccess",
        "UnrecognizedClientException",
    ]
)
_UNAVAILABLE = frozenset(
    [
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeoutException",
    ]
)
_BUSY = frozenset(
    [
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequests",
        "TooManyRequestsException",
    ]
)

_BY_CODE: Mapping[str, Callable[[Place], StorageError]] = {
    "NoSuchBucket": lambda place: BucketNotFound(place.bucket),
    # No bucket has such a name.
    "InvalidBucketName": lambda place: BucketNotFound(place.bucket),
    "NoSuchKey": lambda place: ObjectNotFound(place.name),
    "NoSuchVersion": lambda place: VersionNotFound(place.version or ""),
    "NoSuchUpload": lambda place: UploadNotFound(place.upload_id),
    "InvalidPart": lambda place: PartNotFound(place.part),
    "BucketNotEmpty": lambda place: BucketNotEmpty(place.bucket),
    "BucketAlreadyExists": lambda place: BucketExists(place.bucket, ""),
    "BucketAlreadyOwnedByYou": lambda place: BucketExists(place.bucket, ""),
    "ConditionalRequestConflict": lambda place: WriteConflict(place.name, place.condition),
}

# Of the libraries; the first class of an exception's bases that is here.
_KINDS: Mapping[type[BaseException], type[BackendError] | type[Corrupt]] = {
    botocore.NoCredentialsError: BackendDenied,
    botocore.PartialCredentialsError: BackendDenied,
    botocore.CredentialRetrievalError: BackendDenied,
    botocore.TokenRetrievalError: BackendDenied,
    botocore.SSOError: BackendDenied,
    botocore.NoAuthTokenError: BackendDenied,
    botocore.ProfileNotFound: BackendDenied,
    botocore.FlexibleChecksumError: Corrupt,
    botocore.SSLError: BackendError,
    botocore.ConnectionError: BackendUnavailable,
    botocore.HTTPClientError: BackendUnavailable,
    botocore.IncompleteReadError: BackendUnavailable,
    ResponseParserError: BackendUnavailable,
    botocore.BotoCoreError: BackendError,
    aiohttp.ClientError: BackendUnavailable,
    TimeoutError: BackendUnavailable,
    OSError: BackendUnavailable,
}


def translated(error: BaseException, place: Place, operation: str = "") -> StorageError:
    """Return what to raise in the place of one of `FOREIGN`."""
    if isinstance(error, botocore.ClientError):
        return _of_answer(error, place, operation or error.operation_name)
    name = type(error).__name__
    if isinstance(error, botocore.ParamValidationError) and "Invalid bucket name" in str(error):
        return BucketNotFound(place.bucket)
    for base in type(error).__mro__:
        kind = _KINDS.get(base)
        if kind is Corrupt:
            return Corrupt(f"{place}: its bytes do not match the checksum that S3 has of it")
        if kind is not None and issubclass(kind, BackendError):
            return kind(str(place), name)
    return BackendError(str(place), name)


def by_code(code: str, message: str, place: Place, status: int = 0) -> StorageError:
    """Return the error of a code that stands in an answer."""
    if code in _BY_CODE:
        return _BY_CODE[code](place)
    if code in _DENIED or (status in (401, 403) and code.isdecimal()):
        return BackendDenied(str(place), code)
    text = _ACCESS_KEY.sub("...", message)[:_LONGEST_MESSAGE]
    if code in _BUSY or status in (429, 503):
        return BackendBusy(str(place), code, text)
    if code in _UNAVAILABLE or (status >= 500 and status != 501):
        return BackendUnavailable(str(place), code, text)
    return BackendError(str(place), code, text)


def _of_answer(error: botocore.ClientError, place: Place, operation: str) -> StorageError:
    answer: Mapping[str, Any] = error.response
    said = answer.get("Error", {})
    code, message = str(said.get("Code", "")), str(said.get("Message", ""))
    status, headers = _status(answer), answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if headers.get("x-amz-delete-marker") == "true":
        return _delete_marker(headers, place)
    if code == "InvalidPartNumber" or (status == 416 and place.part):
        return PartNotFound(place.part, int(said.get("ActualPartCount", 1)))
    if code == "InvalidRange" or status == 416:
        return RangeNotSatisfiable(_size_of(said, headers))
    if code == "PreconditionFailed" or status == 412:
        return PreconditionFailed(str(said.get("Condition") or place.condition))
    if code == "NotImplemented" or status == 501:
        return NotSupported(operation, f"{place}, says the endpoint")
    if place.version is not None and status == 400 and "version" in message.lower():
        return VersionNotFound(place.version)
    if status == 404 and code not in _BY_CODE and code.isdecimal():
        return ObjectNotFound(place.name) if place.name else BucketNotFound(place.bucket)
    return by_code(code, message, place, status)


def _delete_marker(headers: Mapping[str, str], place: Place) -> DeleteMarkerFound:
    modified_ns = 0
    if said := headers.get("last-modified"):
        modified_ns = ns_of(parsedate_to_datetime(said))
    version = headers.get("x-amz-version-id", "null")
    return DeleteMarkerFound(place.name, version, modified_ns, named=place.version is not None)


def _size_of(said: Mapping[str, Any], headers: Mapping[str, str]) -> int:
    """The size of the object that a range does not meet; -1 if the answer does not have it."""
    for text in (said.get("ActualObjectSize"), headers.get("content-range", "").rpartition("/")[2]):
        if text and str(text).isdecimal():
            return int(text)
    return -1


def _status(answer: Mapping[str, Any]) -> int:
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
