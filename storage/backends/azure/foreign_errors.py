"""Errors of Azure's answers, translated to those of storage.

An answer is looked up by its code first, then by its status. What is in no table is a
`BackendError` with the foreign code. Azure's sentence is kept, without its second line, the id of
the request; not for refused credentials, where it may repeat what was signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from storage.backends.azure.place import Place
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketExists,
    BucketNotFound,
    NotSupported,
    ObjectLocked,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageError,
)

_LONGEST_MESSAGE = 300
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,100})</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]*)", re.DOTALL)

_DENIED = frozenset(
    [
        "AccountIsDisabled",
        "AuthenticationFailed",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "AuthorizationProtocolMismatch",
        "AuthorizationResourceTypeMismatch",
        "AuthorizationServiceMismatch",
        "AuthorizationSourceIPMismatch",
        "InsufficientAccountPermissions",
        "InvalidAuthenticationInfo",
        "KeyBasedAuthenticationNotPermitted",
        "LeaseAlreadyPresent",
        "LeaseIdMismatchWithBlobOperation",
        "LeaseIdMismatchWithContainerOperation",
        "LeaseIdMissing",
        "LeaseLost",
        "NoAuthenticationInformation",
        "PublicAccessNotPermitted",
        "SnapshotsPresent",
        "UnauthorizedBlobOverwrite",
    ]
)
_UNAVAILABLE = frozenset(
    [
        "InternalError",
        # The bytes that came are not those that were sent.
        "Md5Mismatch",
        "OperationTimedOut",
    ]
)
_NOT_SUPPORTED = frozenset(
    [
        "BlobTypeNotSupported",
        "FeatureNotSupportedForAccount",
        "FeatureVersionMismatch",
        "InvalidBlobTier",
        "InvalidBlobType",
        "NotImplemented",
        "UnsupportedHeader",
        "UnsupportedHttpVerb",
        "UnsupportedQueryParameter",
    ]
)


def _archived(place: Place) -> StorageError:
    """In S3's words, since its clients know what to do."""
    return BackendError(str(place), "InvalidObjectState", "the blob is archived")


def _missing(place: Place) -> StorageError:
    return ObjectNotFound(place.name) if place.name else BucketNotFound(place.bucket)


_BY_CODE: Mapping[str, Callable[[Place], StorageError]] = {
    "BlobArchived": _archived,
    "BlobBeingRehydrated": _archived,
    "BlobAlreadyExists": lambda place: PreconditionFailed("If-None-Match"),
    "BlobImmutableDueToPolicy": lambda place: ObjectLocked(place.name),
    "BlobNotFound": lambda place: ObjectNotFound(place.name),
    "ConditionNotMet": lambda place: PreconditionFailed(place.condition),
    "ContainerAlreadyExists": lambda place: BucketExists(place.bucket, ""),
    "ContainerBeingDeleted": lambda place: BucketNotFound(place.bucket),
    "ContainerDisabled": lambda place: BucketNotFound(place.bucket),
    "ContainerNotFound": lambda place: BucketNotFound(place.bucket),
    "ResourceNotFound": _missing,
    "TargetConditionNotMet": lambda place: PreconditionFailed(place.condition),
}


def of_answer(status: int, headers: Mapping[str, str], body: bytes, place: Place) -> StorageError:
    """Return what to raise for an answer that is an error. A HEAD has its code in a header."""
    code = headers.get("x-ms-error-code") or _found(_CODE, body)
    message = _found(_MESSAGE, body).partition("\n")[0].strip()[:_LONGEST_MESSAGE]
    if code in _BY_CODE:
        return _BY_CODE[code](place)
    if code in _DENIED:
        return BackendDenied(str(place), code)
    if code == "InvalidRange" or status == 416:
        return RangeNotSatisfiable(_size_in(headers.get("content-range", "")))
    if code in _NOT_SUPPORTED or status == 501:
        return NotSupported(message or code, f"{place}, says the endpoint")
    code = code or str(status)
    if code == "ServerBusy" or status in (429, 503):
        return BackendBusy(str(place), code, message)
    if code in _UNAVAILABLE or (status >= 500 and status != 505):
        return BackendUnavailable(str(place), code, message)
    if status in (401, 403):
        return BackendDenied(str(place), code)
    if status == 412 and code == "412":
        return PreconditionFailed(place.condition)
    if status == 404 and code == "404":
        return _missing(place)
    return BackendError(str(place), code, message)


def _found(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    return found[1].decode("utf-8", "replace") if found else ""


def _size_in(content_range: str) -> int:
    """The size of the object that a range does not meet; -1 if the answer does not have it."""
    text = content_range.rpartition("/")[2]
    return int(text) if text.isdecimal() else -1
