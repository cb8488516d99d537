"""Errors of Cloud Storage, aiohttp and google-auth, translated to those of storage.

An answer is looked up by its reason first (the JSON API's `reason`, the XML API's `Code`), then by
its status; an exception of a library by its class, the most special first. What is in no table is a
`BackendError` with the foreign reason. The text of a library's exception is not repeated: it may
hold a URL or a header. Cloud Storage's own sentence is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

import aiohttp
import msgspec
from google.auth import exceptions as google
from msgspec import Struct

from storage.backends.gcp.options import CREDENTIALS
from storage.backends.gcp.place import Place
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketExists,
    BucketNotEmpty,
    BucketNotFound,
    NotSupported,
    ObjectLocked,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageError,
    UploadNotFound,
    VersionNotFound,
)

FOREIGN = (aiohttp.ClientError, google.GoogleAuthError, TimeoutError, OSError)

_LONGEST_MESSAGE = 300
# What a sentence may not repeat: a token, and the address of a service account.
_SECRET = re.compile(r"\bya29\.[\w.-]+|\bBearer\s+\S+|\S+@\S+\.gserviceaccount\.com\b")

_LOCKED = frozenset(["objectUnderActiveHold", "retentionPolicyNotMet", "ObjectUnderActiveHold"])
# Of answers with 403; with them, trying later may do.
_UNAVAILABLE = frozenset(["backendError", "InternalError", "OperationAborted", "RequestTimeout"])
_BUSY = frozenset(
    [
        "dailyLimitExceeded",
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
    ]
)
_DENIED = frozenset(
    [
        "AccessDenied",
        "AuthenticationRequired",
        "ExpiredToken",
        "InvalidSecurity",
        "SignatureDoesNotMatch",
        "UserProjectAccountProblem",
        "accountDisabled",
        "authError",
        "forbidden",
        "insufficientPermissions",
        "required",
    ]
)
_BY_REASON: Mapping[str, Callable[[Place], StorageError]] = {
    "NoSuchBucket": lambda place: BucketNotFound(place.bucket),
    # No bucket has such a name.
    "InvalidBucketName": lambda place: BucketNotFound(place.bucket),
    "NoSuchKey": lambda place: ObjectNotFound(place.name),
    "NoSuchUpload": lambda place: UploadNotFound(place.upload_id),
    "InvalidPart": lambda place: PartNotFound(place.part),
    "BucketNotEmpty": lambda place: BucketNotEmpty(place.bucket),
    "BucketAlreadyExists": lambda place: BucketExists(place.bucket, ""),
    "BucketAlreadyOwnedByYou": lambda place: BucketExists(place.bucket, ""),
}

# Of the libraries; the first class of an exception's bases that is here.
_KINDS: Mapping[type[BaseException], type[BackendError]] = {
    google.TransportError: BackendUnavailable,
    google.GoogleAuthError: BackendDenied,
    aiohttp.ClientSSLError: BackendError,
    aiohttp.InvalidURL: BackendError,
    aiohttp.ClientError: BackendUnavailable,
    TimeoutError: BackendUnavailable,
    OSError: BackendUnavailable,
}


class Refusal(Struct, frozen=True):
    """What an answer says of its failure; `is_vague` if it leaves open whether bucket or object is
    missing."""

    error: StorageError
    is_vague: bool = False


def translated(error: BaseException, place: Place) -> StorageError:
    """Return what to raise in the place of one of `FOREIGN`."""
    name = type(error).__name__
    if isinstance(error, google.GoogleAuthError) and error.retryable:
        return BackendUnavailable(str(place), name)
    for base in type(error).__mro__:
        kind = _KINDS.get(base)
        if kind is BackendDenied:
            return BackendDenied(str(place), name, _of_credentials(error))
        if kind is not None:
            return kind(str(place), name)
    return BackendError(str(place), name)


def refusal(status: int, content: bytes, place: Place, *, anonymous: bool = False) -> Refusal:
    """Return what an answer with an error means. `anonymous`: the request had no credentials."""
    reason, message = _read(content)
    if status == 404 and reason not in _BY_REASON:
        return _missing(message, place)
    error = _known(status, reason, message, place)
    if isinstance(error, BackendDenied) and anonymous:
        hint = f"the request had no credentials: set {CREDENTIALS} if the bucket is not public"
        error = BackendDenied(str(place), error.code, hint)
    return Refusal(error)


def _known(status: int, reason: str, message: str, place: Place) -> StorageError:
    code = reason or str(status)
    text = _SECRET.sub("...", message)[:_LONGEST_MESSAGE]
    if reason in _BY_REASON:
        return _BY_REASON[reason](place)
    if status == 412:
        return PreconditionFailed(place.condition)
    if status == 416:
        return RangeNotSatisfiable(-1)
    if status == 409 and not place.name:
        if "not empty" in message:
            return BucketNotEmpty(place.bucket)
        return BucketExists(place.bucket, "")
    if status == 400 and not place.name and "bucket name" in message.lower():
        return BucketNotFound(place.bucket)
    if reason in _LOCKED:
        return ObjectLocked(f"{place}: {text}")
    if status == 501:
        return NotSupported("this request", f"{place}, says the endpoint")
    if reason in _BUSY or status in (429, 503):
        return BackendBusy(str(place), code, text)
    if reason in _UNAVAILABLE or status in (408, 409, 410) or status >= 500:
        return BackendUnavailable(str(place), code, text)
    if reason in _DENIED or status in (401, 403):
        return BackendDenied(str(place), code, text)
    return BackendError(str(place), code, text)


def _missing(message: str, place: Place) -> Refusal:
    """Both APIs have one status for all that is missing."""
    if not place.name or "bucket does not exist" in message:
        return Refusal(BucketNotFound(place.bucket))
    is_vague = "No such object" not in message
    if place.upload_id:
        return Refusal(UploadNotFound(place.upload_id), is_vague)
    if place.version is not None:
        return Refusal(VersionNotFound(place.version), is_vague)
    return Refusal(ObjectNotFound(place.name), is_vague)


def _read(content: bytes) -> tuple[str, str]:
    """Return reason and sentence of an answer: JSON, XML, or plain text."""
    text = content.strip()
    if text.startswith(b"{"):
        return _read_json(text)
    if text.startswith(b"<"):
        return _read_xml(text)
    return "", text.decode("utf-8", "replace")


def _read_json(content: bytes) -> tuple[str, str]:
    try:
        said: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", ""
    error = said.get("error")
    if not isinstance(error, dict):
        return "", str(said.get("error_description") or error or "")
    errors = error.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    reason = first.get("reason", "") if isinstance(first, dict) else ""
    return str(reason), str(error.get("message", ""))


def _read_xml(content: bytes) -> tuple[str, str]:
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return "", ""
    said = {each.tag.rpartition("}")[2]: each.text or "" for each in root}
    message = said.get("Message", "")
    return said.get("Code", ""), f"{message} {said.get('Details', '')}".strip()


def _of_credentials(error: BaseException) -> str:
    """Say what to look at; the library's sentence has paths and answers of servers."""
    code = ""
    for each in error.args:
        if isinstance(each, dict) and isinstance(each.get("error"), str):
            code = f" ({each['error']})"
    return f"the credentials cannot be used{code}: see {CREDENTIALS}"
