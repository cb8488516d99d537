"""Names of remote buckets, and the setting that connects a bucket to one."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Callable
from typing import Protocol, cast

from msgspec import Struct

from storage.backend import Backend
from storage.errors import NotSupported
from storage.settings import Setting
from storage.values import BucketInfo, ObjectInfo, Origin, Parallel

_MD5 = re.compile("[0-9a-f]{32}")
# The beginning of names that clients cannot give to buckets.
SYSTEM = ".sys-"


class RemoteBucket(Setting, frozen=True):
    """The bucket of a backend that this bucket stands for."""

    setting_name = "remote_bucket"

    provider: str
    name: str


class Source(Protocol):
    """A backend that is only read, and has no listings: of its buckets, what is here is known."""

    async def is_same(self, bucket: str, known: ObjectInfo) -> bool:
        """Whether the object is still the known one. Raises as `head_object` does."""
        ...


class Remote(Struct, frozen=True):
    """A bucket here, and its bucket there, of a provider."""

    bucket: BucketInfo
    backend: Backend
    name: str
    provider: str

    @property
    def source(self) -> Source | None:
        return cast(Source, self.backend) if hasattr(self.backend, "is_same") else None

    def require_writable(self, operation: str) -> None:
        """Raise `NotSupported` for a bucket that is only read, before anything is done."""
        if self.source is not None:
            raise NotSupported(operation, f"{self.bucket.name}, a bucket that is only read")


def _go_on(_: int) -> None:
    pass


class FetchTask(Struct, frozen=True):
    """One object to bring here. With `latest`, one that is older than the backend's is replaced;
    with `synchronize` too, one that the backend does not have is removed.
    `check` is called now and then with the bytes that have come; what it raises ends the task."""

    bucket: str
    name: str
    latest: bool = False
    synchronize: bool = False
    parallel: Parallel | None = None
    check: Callable[[int], None] = _go_on


def stored_name(provider: str, name: str) -> str:
    """Return the name here of a backend's own bucket. Its slash keeps it apart from all others."""
    return f"{provider}/{name}"


def is_system(stored: str) -> bool:
    """Whether it is a bucket that the server keeps for itself: front ends do not have it."""
    return stored.startswith(SYSTEM)


def is_cloud(stored: str) -> bool:
    """Whether it is the name of a backend's own bucket."""
    return "/" in stored and not stored.startswith("#")


def provider_of(stored: str) -> str:
    """Return the provider of a backend's own bucket; empty for any other."""
    return stored.partition("/")[0] if is_cloud(stored) else ""


def origin_of(info: ObjectInfo) -> Origin:
    """Return the origin of what the backend describes."""
    return Origin(info.etag, info.version)


def md5_of(info: ObjectInfo) -> str:
    """Return the MD5 that the backend tells of an object, in hexadecimal; empty without one."""
    if info.checksum is not None and info.checksum.algorithm == "MD5":
        return a2b_base64(info.checksum.value).hex()
    return info.etag if _MD5.fullmatch(info.etag) else ""
