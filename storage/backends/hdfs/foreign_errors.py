"""Errors of HDFS, translated to those of storage.

A namenode answers with a `RemoteException`: the class of a Java exception and its message. Its
status is 403 for most of them, so the class decides. What is in no table is a `BackendError` with
the class as its code. An answer that is not such a document is of a proxy, or of Hadoop's
authentication, and is looked up by its status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from storage.backends.hdfs.place import PROVIDER, Place
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
    OutOfSpace,
    RangeNotSatisfiable,
    StorageError,
)

_LONGEST_MESSAGE = 300


class _RemoteException(Struct, frozen=True):
    exception: str = ""
    message: str | None = None


class _Document(Struct, frozen=True):
    error: _RemoteException = msgspec.field(name="RemoteException", default=_RemoteException())


class Standby(BackendUnavailable):
    """The namenode is not the active one; nothing was done."""


class NotEmpty(BackendError):
    """A folder with something in it is not deleted."""


class AlreadyThere(BackendError):
    """There is a file or a folder of that name."""


class BelowFile(NotSupported):
    """A file is where a folder would have to be, so nothing is or can be at the path."""

    def __init__(self) -> None:
        super().__init__("an object name below that of another object", PROVIDER)


_STANDBY = frozenset({"StandbyException", "ObserverRetryOnActiveException"})
_DENIED = frozenset(
    {
        "AccessControlException",
        "AuthorizationException",
        "AuthenticationException",
        "InvalidToken",
        "SecurityException",
        "SnapshotAccessControlException",
        "SnapshotException",
    }
)
_FULL = frozenset(
    {
        "DSQuotaExceededException",
        "NSQuotaExceededException",
        "QuotaByStorageTypeExceededException",
        "QuotaExceededException",
        "DiskOutOfSpaceException",
        "MaxDirectoryItemsExceededException",
    }
)
_UNAVAILABLE = frozenset(
    {
        "AlreadyBeingCreatedException",
        "BlockMissingException",
        "ConnectException",
        "EOFException",
        "LeaseExpiredException",
        "NoRouteToHostException",
        "NotReplicatedYetException",
        "RecoveryInProgressException",
        "ReplicaNotFoundException",
        "RetriableException",
        "SafeModeException",
        "SocketTimeoutException",
        "UnknownHostException",
        "UnresolvedPathException",
    }
)
_BAD_NAME = frozenset(
    {
        "IllegalNameException",
        "InvalidPathException",
        "PathComponentTooLongException",
    }
)
_NO_DATANODE = "Failed to find datanode"
_PAST_THE_END = "out of the range"


def _missing(place: Place) -> StorageError:
    return ObjectNotFound(place.name) if place.name else BucketNotFound(place.bucket)


_BY_STATUS: Mapping[int, Callable[[Place], StorageError]] = {
    501: lambda place: NotSupported("this request", f"{place}, says the endpoint"),
    507: lambda place: OutOfSpace(f"{place}: HDFS is full"),
}
_BUSY = frozenset({429, 503})
_TOO_BUSY = "ServerTooBusyException"
_LATER = frozenset({408, 500, 502, 504})


def of_answer(status: int, body: bytes, place: Place) -> StorageError:
    """Return what to raise for an answer that is an error."""
    said = _read(body)
    name, text = said.exception, (said.message or "").partition("\n")[0][:_LONGEST_MESSAGE]
    if not name:
        return _by_status(status, place)
    if name in _STANDBY:
        return Standby(str(place), name)
    if name == "FileNotFoundException":
        return _missing(place)
    if name in _DENIED:
        return BackendDenied(str(place), name, text)
    if name in _FULL:
        return OutOfSpace(f"{place}: {name}: {text}")
    if name == _TOO_BUSY:
        return BackendBusy(str(place), name, text)
    if name in _UNAVAILABLE or _NO_DATANODE in text:
        return BackendUnavailable(str(place), name, text)
    if name == "PathIsNotEmptyDirectoryException":
        return NotEmpty(str(place), name)
    if name == "FileAlreadyExistsException":
        return AlreadyThere(str(place), name)
    if name == "ParentNotDirectoryException":
        return BelowFile()
    if name in _BAD_NAME or (name == "IllegalArgumentException" and "Invalid path" in text):
        return NotSupported(f"the name {place.name[:80]!r} of an object", f"{place}, says HDFS")
    if name == "UnsupportedOperationException":
        return NotSupported(text or "this request", f"{place}, says HDFS")
    if name == "IOException" and _PAST_THE_END in text:
        return RangeNotSatisfiable(-1)
    kind = _kind_of(status)
    return kind(str(place), name, text)


def _kind_of(status: int) -> type[BackendError]:
    if status in _BUSY:
        return BackendBusy
    return BackendUnavailable if status in _LATER else BackendError


def _by_status(status: int, place: Place) -> StorageError:
    """A 404 here is not about the file: there is no WebHDFS at the address."""
    if status in (401, 403):
        return BackendDenied(str(place), str(status), "the user, token or ticket is not accepted")
    if status in _BY_STATUS:
        return _BY_STATUS[status](place)
    kind = _kind_of(status)
    return kind(str(place), str(status), "it is not an answer of WebHDFS")


def _read(body: bytes) -> _RemoteException:
    try:
        return msgspec.json.decode(body, type=_Document).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _RemoteException()
