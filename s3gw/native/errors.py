"""Errors as AIStore writes them: JSON with type, message and status.

The type is the name of a Go type. Clients choose their exception by the status and by the first
`provider://bucket[/object]` in the text, so what is missing is always named that way. An answer to
HEAD has no body: its error is in a header. An error that a retry cannot cure is never a 429 or 5xx,
because clients repeat those for minutes; 501 is the one that they do not repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

import msgspec

from s3gw.etl import errors as etl
from s3gw.http.reply import Reply
from s3gw.wire.errors import Code, S3Error, as_s3_error
from storage import errors as storage

JSON = "application/json"
HEAD_ERROR = "Hdr-Error"


class Tcode(Enum):
    """AIStore's names of Go types that clients look at; empty for the others."""

    NONE = ""
    BCK_NOT_FOUND = "ErrBckNotFound"
    REMOTE_BCK_NOT_FOUND = "ErrRemoteBckNotFound"
    BUCKET_EXISTS = "ErrBucketAlreadyExists"
    BUCKET_DENIED = "ErrBucketAccessDenied"
    BCK_PROVIDER = "ErrInvalidBackendProvider"
    NOT_FOUND = "ErrNotFound"
    RANGE = "ErrRangeNotSatisfiable"
    UNSUPPORTED = "ErrUnsupp"
    CAPACITY = "ErrCapExceeded"
    CHECKSUM = "ErrInvalidCksum"
    TOO_MANY = "ErrTooManyRequests"
    ETL_NOT_FOUND = "ErrETLNotFound"
    ETL_EXISTS = "ErrETLAlreadyExists"
    NOT_ENOUGH_TARGETS = "ErrNotEnoughTargets"
    NODE_NOT_FOUND = "errNodeNotFound"
    INVALID_PATH = "errInvalidPath"


class NativeError(Exception):
    """A failed request, with its status in the native API."""

    def __init__(
        self,
        status: int,
        message: str,
        tcode: Tcode = Tcode.NONE,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.tcode = tcode
        self.headers: Mapping[str, str] = headers or {}


class NamedBucket(Protocol):
    """A bucket as messages name it."""

    @property
    def is_ours(self) -> bool: ...

    def cname(self, name: str = "") -> str: ...


class About(Protocol):
    """Bucket and object of a request; clients read their names from messages."""

    @property
    def bck(self) -> NamedBucket: ...
    @property
    def key(self) -> str: ...


class ErrorDocument(msgspec.Struct, frozen=True):
    """`url_path` is the path as received, `node` the node that answered."""

    tcode: str
    message: str
    method: str
    url_path: str
    remote_addr: str
    caller: str
    node: str
    status: int


def unsupported(what: str) -> NativeError:
    """Return a 501 for a feature of AIStore that this server does not have, or not yet."""
    return NativeError(501, f"{what} is not supported", Tcode.UNSUPPORTED)


def no_backend(bucket: str, what: str) -> NativeError:
    """Return the error for an action that needs a cloud: every bucket here is the only place of its
    objects. The bucket is named as `ais://b`."""
    return NativeError(400, f'bucket "{bucket}" has no remote backend: nothing to {what}')


def token_needed(why: str) -> NativeError:
    return NativeError(401, why, headers={"WWW-Authenticate": "Bearer"})


_TOO_MANY = (429, 503)
_KEPT_HEADERS = ("Connection", "Retry-After")
_BY_STORAGE: Mapping[type[storage.StorageError], tuple[int, Tcode, str]] = {
    storage.BucketExists: (409, Tcode.BUCKET_EXISTS, 'bucket "{bucket}" already exists'),
    storage.BucketNotFound: (404, Tcode.BCK_NOT_FOUND, 'bucket "{bucket}" does not exist'),
    storage.ObjectNotFound: (404, Tcode.NOT_FOUND, "{object} does not exist"),
    storage.VersionNotFound: (404, Tcode.NOT_FOUND, "{object} does not exist"),
    storage.MemberNotFound: (404, Tcode.NOT_FOUND, "{bucket}/{message} does not exist"),
    storage.UploadNotFound: (404, Tcode.NOT_FOUND, "upload of {object} does not exist"),
    storage.ObjectLocked: (403, Tcode.NONE, "{object} is locked: it cannot be removed"),
    storage.OutOfSpace: (507, Tcode.CAPACITY, "out of space"),
}
_ETL: Mapping[type[etl.EtlError], Tcode] = {
    etl.NoSuchEtl: Tcode.ETL_NOT_FOUND,
    etl.EtlExists: Tcode.ETL_EXISTS,
}
_BY_CODE: Mapping[Code, tuple[int, Tcode, str]] = {
    Code.AccessDenied: (403, Tcode.BUCKET_DENIED, 'bucket "{bucket}": access denied'),
    Code.NoSuchBucket: (404, Tcode.BCK_NOT_FOUND, 'bucket "{bucket}" does not exist'),
    Code.BadDigest: (400, Tcode.CHECKSUM, "checksum of {object} does not match: {message}"),
}


def no_bucket(bck: NamedBucket) -> NativeError:
    """Return the error about a bucket that does not exist, here or elsewhere."""
    tcode = Tcode.BCK_NOT_FOUND if bck.is_ours else Tcode.REMOTE_BCK_NOT_FOUND
    return NativeError(404, f'bucket "{bck.cname()}" does not exist', tcode)


def as_native_error(error: BaseException, about: About | None) -> NativeError:
    """Translate any exception for the native API; one that is in no table has the status that S3
    gives it."""
    if isinstance(error, NativeError):
        return error
    if isinstance(error, etl.EtlError):
        return _of_etl(error)
    if isinstance(error, storage.ClusterNotAttached):
        bucket = f'bucket "{about.bck.cname()}" does not exist: ' if about is not None else ""
        return NativeError(404, f"{bucket}{error}", Tcode.REMOTE_BCK_NOT_FOUND)
    if isinstance(error, storage.BucketNotFound) and about is not None and not about.bck.is_ours:
        return no_bucket(about.bck)
    for kind in type(error).__mro__:
        if kind in _BY_STORAGE:
            return _told(_BY_STORAGE[kind], about, str(error))
    if isinstance(error, storage.RangeNotSatisfiable):
        headers = {"Content-Range": f"bytes */{error.size}"}
        return NativeError(416, "range is not satisfiable", Tcode.RANGE, headers=headers)
    refusal = as_s3_error(error)
    if isinstance(error, storage.BackendDenied):
        return NativeError(403, str(error))
    if refusal.code in _BY_CODE:
        return _told(_BY_CODE[refusal.code], about, refusal.message)
    return _from_s3(refusal)


def _of_etl(error: etl.EtlError) -> NativeError:
    if error.status == 503:
        headers = {"Retry-After": str(etl.RETRY_AFTER_S)}
        return NativeError(503, error.message, Tcode.TOO_MANY, headers=headers)
    return NativeError(error.status, error.message, _ETL.get(type(error), Tcode.NONE))


def _told(row: tuple[int, Tcode, str], about: About | None, message: str) -> NativeError:
    status, tcode, text = row
    bucket = about.bck.cname() if about is not None else ""
    named = about.bck.cname(about.key) if about is not None else ""
    if not bucket.partition("://")[2]:
        return NativeError(status, message if status != 403 else "access denied", tcode)
    return NativeError(status, text.format(bucket=bucket, object=named, message=message), tcode)


def _from_s3(refusal: S3Error) -> NativeError:
    headers = {name: value for name, value in refusal.headers.items() if name in _KEPT_HEADERS}
    tcode = Tcode.TOO_MANY if refusal.status in _TOO_MANY else Tcode.NONE
    return NativeError(refusal.status, refusal.message, tcode, headers=headers)


def error_reply(error: NativeError, method: str, path: str, remote: str, node: str) -> Reply:
    """Return the error as a body, or as a header in an answer to HEAD."""
    document = ErrorDocument(
        error.tcode.value, error.message, method, path, remote, "", node, error.status
    )
    if error.status == 405:
        # In the words of Go's own handlers.
        return Reply(405, {"Content-Type": "text/plain", **error.headers}, error.message.encode())
    headers = {"Content-Type": JSON, "X-Content-Type-Options": "nosniff", **error.headers}
    body = _ENCODER.encode(document)
    if method != "HEAD":
        return Reply(error.status, headers, body)
    return Reply(error.status, headers | {HEAD_ERROR: _one_line(body)})


def _one_line(body: bytes) -> str:
    """Escape what is not ASCII, for a header. The JSON has no line ends of its own."""
    text = body.decode()
    if not text.isascii():
        text = "".join(c if c.isascii() else _escaped(c) for c in text)
    return text


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


_ENCODER = msgspec.json.Encoder()
