"""Errors of storage."""

from __future__ import annotations

from collections.abc import Sequence


class StorageError(Exception):
    """Root of every failure that a backend reports on purpose."""


class BucketNotFound(StorageError):
    """No bucket of that name exists."""


class ClusterNotAttached(BucketNotFound):
    """The bucket is of another cluster, and no such cluster is attached."""

    def __init__(self, cluster: str) -> None:
        super().__init__(f'remote cluster "{cluster}" is not attached')


class AmbiguousBucket(StorageError):
    """Several backends have a bucket of that name, and none was said."""

    def __init__(self, name: str, stored: Sequence[str]) -> None:
        names = " and ".join(each.replace("/", "://", 1) for each in stored)
        super().__init__(f'"{name}" is the name of {names}: name one by its provider')


class BucketExists(StorageError):
    """A bucket of that name exists already; `owner` is the account that owns it."""

    def __init__(self, bucket: str, owner: str) -> None:
        super().__init__(bucket)
        self.owner = owner


class BucketNotEmpty(StorageError):
    """The bucket still holds objects; unfinished uploads do not count."""


class ObjectNotFound(StorageError):
    """No object of that name, or of that version, exists in the bucket."""


class VersionNotFound(StorageError):
    """The object has no version of that id."""


class DeleteMarkerFound(ObjectNotFound):
    """The version is a delete marker: there is nothing to read. `named`: the request named that
    very version, and not the object."""

    def __init__(self, name: str, version: str, modified_ns: int, *, named: bool) -> None:
        super().__init__(name)
        self.version = version
        self.modified_ns = modified_ns
        self.named = named


class ObjectLocked(StorageError):
    """A retention or a legal hold keeps the version from being removed."""


class KeyRequired(StorageError):
    """The object is encrypted, and its reader brought no way to the key."""


class UploadNotFound(StorageError):
    """No unfinished multipart upload of that id exists for that object name."""


class PartNotFound(StorageError):
    """The upload or the object has no part of that number; an object has `count` of them."""

    def __init__(self, number: int, count: int = 1) -> None:
        super().__init__(f"part {number}")
        self.number = number
        self.count = count


class PreconditionFailed(StorageError):
    """The object's current version does not satisfy the condition named `condition`."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


class WriteConflict(StorageError):
    """The condition named `condition` holds, but the object was written or deleted since the upload
    that is now complete began."""

    def __init__(self, name: str, condition: str) -> None:
        super().__init__(name)
        self.condition = condition


class NotModified(StorageError):
    """The reader's copy is still good, by that condition; the validators are for the answer's
    headers."""

    def __init__(self, etag: str, modified_ns: int, condition: str) -> None:
        super().__init__(etag)
        self.etag = etag
        self.modified_ns = modified_ns
        self.condition = condition


class RangeNotSatisfiable(StorageError):
    """The range begins at or after the end of an object of `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"size {size}")
        self.size = size


class NotAnArchive(StorageError):
    """Neither the object's name nor its first bytes say that it is an archive."""


class MalformedArchive(StorageError):
    """The object claims to be an archive and cannot be read as one; the text says where."""


class MemberNotFound(StorageError):
    """The archive has no member of that name."""


class ObjectChanged(StorageError):
    """The object was replaced while it was read piece by piece; reading again will do."""


class DatabaseUnavailable(StorageError):
    """The database of a cluster cannot be reached; trying later may do. Of a change it may be
    unknown whether it was made."""


class OutOfSpace(StorageError):
    """The mountpath is full; nothing was written."""


class Corrupt(StorageError):
    """What is on disk is not what was stored: a checksum or the framing does not match."""


class DeviceFailed(StorageError):
    """The disk or the file system reported an I/O error; nothing was committed."""


class NotSupported(StorageError):
    """This kind of backend cannot do that operation."""

    def __init__(self, operation: str, provider: str) -> None:
        super().__init__(f"{operation} on {provider}")


class BackendError(StorageError):
    """A remote backend refused, for a reason that has no error of its own here. `code` is what it
    answered in its own words; the text names the object as `provider://bucket/name`."""

    def __init__(self, subject: str, code: str, message: str = "") -> None:
        super().__init__(": ".join(part for part in (subject, code, message) if part))
        self.subject = subject
        self.code = code


class BackendUnavailable(BackendError):
    """A remote backend cannot be reached, is too busy, or broke off; trying later may do."""


class BackendBusy(BackendUnavailable):
    """A remote backend has too many requests (429, 503), or as many as its bucket may cause wait;
    trying later will do."""


class BackendDenied(BackendError):
    """A remote backend does not let this server's credentials do that: none, expired or wrong."""


class AddressRefused(BackendDenied):
    """This server's rules do not let it read from that address."""


class LengthUnknown(BackendError):
    """A remote backend does not say how long the object is: only reading all of it would."""
