"""Request of a download: AIStore's document, read and checked."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from cluster.jobs.download import (
    DEFAULT_CONNECTIONS,
    DEFAULT_TIMEOUT_S,
    MAX_CONNECTIONS,
    Source,
)
from s3gw.config.types import Duration
from s3gw.jobs.download_headers import BadHeaders, read_headers
from s3gw.native.errors import NativeError
from s3gw.native.jobs.target import BckMessage

_WAIT = Duration(0.001, 30 * 86_400.0, or_zero=True)


class Limits(Struct, frozen=True):
    connections: int = 0
    bytes_per_hour: int = 0


class DownloadMessage(Struct, frozen=True):
    """AIStore's four types of requests in one. `progress_interval` makes no difference: progress is
    always to be had. `sync` and `synchronize` are the same: AIStore's code has the one, its
    documentation the other."""

    type: str = ""
    bucket: BckMessage = BckMessage()
    description: str = ""
    timeout: str = ""
    progress_interval: str = ""
    limits: Limits = Limits()
    headers: dict[str, Any] | None = None
    etl_name: str = ""
    etl_args: str = ""
    object_name: str = ""
    link: str = ""
    from_remote: bool = False
    template: str = ""
    subdir: str = ""
    prefix: str = ""
    suffix: str = ""
    sync: bool = False
    synchronize: bool = False
    objects: dict[str, str] | list[str] | None = None

    def source(self) -> Source:
        """Raise 400 for an unknown type and for what others have."""
        try:
            source = Source(self.type)
        except ValueError:
            known = ", ".join(each.value for each in Source)
            message = f"download type {self.type[:32]!r} is not one of {known}"
            raise NativeError(400, message) from None
        from_backend = source is Source.BACKEND or (source is Source.SINGLE and self.from_remote)
        if self.synchronizes and source is not Source.BACKEND:
            raise NativeError(400, f"sync is of downloads of a backend, not of {self.type!r} ones")
        if self.headers and from_backend:
            raise NativeError(400, "headers are sent with links, not to a backend")
        if self.etl_name and from_backend:
            raise NativeError(400, "etl_name is for downloads of links, not of a backend's objects")
        return source

    @property
    def synchronizes(self) -> bool:
        return self.sync or self.synchronize

    def read_headers(self) -> dict[str, str]:
        """Return the headers to send with each request. Raise 400."""
        try:
            return read_headers(self.headers or {})
        except BadHeaders as error:
            raise NativeError(400, str(error)) from None

    def timeout_s(self) -> float:
        _seconds("progress_interval", self.progress_interval)
        return _seconds("timeout", self.timeout) or DEFAULT_TIMEOUT_S

    def connections(self) -> int:
        limits = self.limits
        if limits.connections < 0 or limits.bytes_per_hour < 0:
            raise NativeError(400, "limits must not be negative")
        return min(limits.connections or DEFAULT_CONNECTIONS, MAX_CONNECTIONS)


def _seconds(name: str, text: str) -> float:
    if not text:
        return 0.0
    try:
        return _WAIT.from_wire(text)
    except ValueError:
        raise NativeError(400, f"failed to parse {name} {text[:32]!r}: {_WAIT.allowed}") from None
