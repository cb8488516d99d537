"""Names of remote buckets, and the setting that connects a bucket to one."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from storage.backend import Backend
from storage.settings import Setting
from storage.values import BucketInfo, ObjectInfo, Origin, Parallel


class RemoteBucket(Setting, frozen=True):
    """The bucket of a backend that this bucket stands for."""

    setting_name = "remote_bucket"

    provider: str
    name: str


class Remote(Struct, frozen=True):
    """A bucket here, and its bucket there. `synchronizes` and `validates` are its policy."""

    bucket: BucketInfo
    backend: Backend
    name: str


def _go_on(_: int) -> None:
    pass


class FetchTask(Struct, frozen=True):
    """One object to bring here. With `latest`, one that is older than the backend's is replaced.
    `check` is called now and then with the bytes that have come; what it raises ends the task."""

    bucket: str
    name: str
    latest: bool = False
    parallel: Parallel | None = None
    check: Callable[[int], None] = _go_on


def stored_name(provider: str, name: str) -> str:
    """Return the name here of a backend's own bucket. Its slash keeps it apart from all others."""
    return f"{provider}/{name}"


def is_cloud(stored: str) -> bool:
    """Whether it is the name of a backend's own bucket."""
    return "/" in stored and not stored.startswith("#")


def provider_of(stored: str) -> str:
    """Return the provider of a backend's own bucket; empty for any other."""
    return stored.partition("/")[0] if is_cloud(stored) else ""


def origin_of(info: ObjectInfo) -> Origin:
    """Return the origin of what the backend describes."""
    return Origin(info.etag, info.version)
