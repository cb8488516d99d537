"""The walk through all buckets that have rules, in bites.

A bite is one page of a listing, or one batch of deletions out of it. Between two bites anything may
happen, so every deletion has a condition: the object's ETag and that it was not written since, or
that the version is still noncurrent. Storage checks it when it deletes, and keeps what is locked.

The versions of a name come newest first and may be spread over several pages. A walk that began in
the middle of them would not know how many are newer, so it can be resumed between names only.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from enum import Enum
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from cluster.lifecycle.due import Due, object_prefixes, upload_prefixes
from cluster.lifecycle.rules import Calendar, LifecycleConfiguration
from storage.backend import Backend
from storage.clock import Clock
from storage.errors import (
    BucketNotFound,
    ObjectLocked,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    UploadNotFound,
    VersionNotFound,
)
from storage.settings import setting
from storage.values import (
    ALWAYS,
    BucketInfo,
    Condition,
    DeleteRequest,
    Deletion,
    ListQuery,
    ObjectInfo,
    Still,
    UploadInfo,
    UploadQuery,
    VersionEntry,
    Versioning,
    VersionQuery,
)

log = logging.getLogger(__name__)

PAGE = 1000
# What one index transaction deletes: others wait meanwhile.
BATCH = 250
# Each upload is aborted in a separate transaction.
UPLOAD_BATCH = 50
_NS = 1_000_000_000

T = TypeVar("T")


class Stage(Enum):
    OBJECTS = "objects"
    UPLOADS = "uploads"


class Position(Struct, frozen=True):
    """Where to continue: after the name `after` among those with the prefix; among the uploads of
    that name, after the id `upload`."""

    bucket: str = ""
    stage: Stage = Stage.OBJECTS
    prefix: str = ""
    after: str = ""
    upload: str = ""


class Tally(Struct):
    """What a pass did. `kept` were due and are locked; `changed` were due when they were listed,
    and not when they were to be deleted; `failed` could not be deleted, or not even be listed."""

    scanned: int = 0
    expired: int = 0
    noncurrent: int = 0
    markers: int = 0
    uploads: int = 0
    kept: int = 0
    changed: int = 0
    failed: int = 0


# Is called with what was deleted from the bucket of that name, after the commit.
Announce = Callable[[str, Sequence[tuple[DeleteRequest, Deletion]]], Awaitable[None]]


async def tell_nobody(bucket: str, done: Sequence[tuple[DeleteRequest, Deletion]]) -> None:
    """Announce nothing."""


class Walk(Struct, frozen=True):
    """One pass over `store`, counted in `tally`."""

    store: Backend
    calendar: Calendar
    clock: Clock
    tally: Tally
    announce: Announce = tell_nobody

    async def bites(self, start: Position) -> AsyncGenerator[Position, None]:
        """Do one bite per step, and yield the position where a later walk may continue."""
        for bucket in await self.store.list_buckets():
            if bucket.name < start.bucket or setting(bucket, LifecycleConfiguration) is None:
                continue
            at = start if bucket.name == start.bucket else Position(bucket.name)
            try:
                async with aclosing(_BucketWalk(self).bites(at)) as bites:
                    async for position in bites:
                        yield position
            except BucketNotFound:
                continue
            except StorageError as error:
                self.tally.failed += 1
                fields = {"bucket": bucket.name, "error": repr(error)}
                log.error("cannot apply the lifecycle of a bucket", extra=fields)


class _BucketWalk(Struct):
    walk: Walk
    history: _History = field(default_factory=lambda: _History())

    async def bites(self, at: Position) -> AsyncGenerator[Position, None]:
        """Do the bites of one bucket. The rules are read again for each page, so that their
        deletion takes effect at once."""
        following: Position | None = at
        while following is not None:
            at = following
            bucket = await self.walk.store.head_bucket(at.bucket)
            config = setting(bucket, LifecycleConfiguration)
            if config is None:
                return
            if at.stage is Stage.UPLOADS:
                uploads, following = await self._find_uploads(config, at)
                for few in _batches(uploads, UPLOAD_BATCH):
                    await self._abort(at.bucket, few)
                    yield at
            else:
                requests, following = await self._find(bucket, config, at)
                for batch in _batches(requests, BATCH):
                    await self._delete(at.bucket, batch)
                    yield at
            yield following or at

    async def _find(
        self, bucket: BucketInfo, config: LifecycleConfiguration, at: Position
    ) -> tuple[list[DeleteRequest], Position]:
        """Return what is due on the next page, and the position after it."""
        prefixes = _remaining(object_prefixes(config), at)
        if not prefixes:
            return [], Position(at.bucket, Stage.UPLOADS)
        if prefixes[0] != at.prefix:
            self.history = _History()
        at = msgspec.structs.replace(at, prefix=prefixes[0])
        versioned = bucket.versioning is not Versioning.NEVER
        find = self._find_versions if versioned else self._find_objects
        requests, after = await find(self._due(config, at), at)
        if after is not None:
            return requests, msgspec.structs.replace(at, after=after)
        if prefixes[1:]:
            return requests, Position(at.bucket, Stage.OBJECTS, prefixes[1])
        return requests, Position(at.bucket, Stage.UPLOADS)

    def _due(self, config: LifecycleConfiguration, at: Position) -> Due:
        now_ns = self.walk.clock.now_ns()
        return Due(config, now_ns, self.walk.calendar, below=at.prefix)

    async def _find_objects(self, due: Due, at: Position) -> tuple[list[DeleteRequest], str | None]:
        query = ListQuery(prefix=at.prefix, after=at.after, limit=PAGE)
        page = await self.walk.store.list_objects(at.bucket, query)
        self.walk.tally.scanned += len(page.objects)
        expired = due.expired
        return [_unchanged(info) for info in page.objects if expired(info)], page.next_after

    async def _find_versions(
        self, due: Due, at: Position
    ) -> tuple[list[DeleteRequest], str | None]:
        history = self.history
        after, version = history.marker or (at.after, "")
        query = VersionQuery(prefix=at.prefix, after=after, after_version=version, limit=PAGE)
        page = await self.walk.store.list_versions(at.bucket, query)
        self.walk.tally.scanned += len(page.versions)
        requests = [request for entry in page.versions for request in history.add(entry, due)]
        if page.next_after is None:
            requests += history.end(due)
            self.history = _History()
            return requests, None
        history.marker = (page.next_after, page.next_version)
        names = (entry.info.name for entry in reversed(page.versions))
        return requests, next((name for name in names if name != page.next_after), at.after)

    async def _find_uploads(
        self, config: LifecycleConfiguration, at: Position
    ) -> tuple[list[UploadInfo], Position | None]:
        prefixes = _remaining(upload_prefixes(config), at)
        if not prefixes:
            return [], None
        at = msgspec.structs.replace(at, prefix=prefixes[0])
        query = UploadQuery(prefix=at.prefix, after=at.after, after_id=at.upload, limit=PAGE)
        page = await self.walk.store.list_uploads(at.bucket, query)
        due = self._due(config, at)
        expired = [upload for upload in page.uploads if due.upload_expired(upload)]
        if page.next_after is not None:
            after, upload = page.next_after, page.next_id
            return expired, msgspec.structs.replace(at, after=after, upload=upload)
        following = Position(at.bucket, Stage.UPLOADS, prefixes[1]) if prefixes[1:] else None
        return expired, following

    async def _delete(self, bucket: str, requests: Sequence[DeleteRequest]) -> None:
        outcomes = await self.walk.store.delete_objects(bucket, requests)
        done = []
        for request, outcome in zip(requests, outcomes, strict=True):
            _count(self.walk.tally, request, outcome)
            if isinstance(outcome, Deletion):
                done.append((request, outcome))
        await self.walk.announce(bucket, done)

    async def _abort(self, bucket: str, uploads: Sequence[UploadInfo]) -> None:
        tally = self.walk.tally
        for upload in uploads:
            try:
                await self.walk.store.abort_upload(bucket, upload.name, upload.id)
                tally.uploads += 1
            except UploadNotFound:
                tally.changed += 1


class _History(Struct):
    """The versions of one name after the other, in listing order; `marker` is where the next page
    begins, between two pages of one walk."""

    marker: tuple[str, str] | None = None
    _name: str | None = None
    _seen: int = 0
    _successor_ns: int = 0
    _lone_marker: ObjectInfo | None = None

    def add(self, entry: VersionEntry, due: Due) -> Iterator[DeleteRequest]:
        """Yield what is to be deleted now that this version is known."""
        info = entry.info
        if info.name != self._name:
            yield from self.end(due)
        if entry.latest or info.name != self._name:
            self._name, self._seen, self._lone_marker = info.name, 0, None
        if entry.latest and info.delete_marker:
            self._lone_marker = info
        elif entry.latest:
            if due.expired(info):
                yield _unchanged(info)
        elif self._seen:
            self._lone_marker = None
            if due.noncurrent_expired(info, self._successor_ns, self._seen - 1):
                yield _noncurrent(info)
        self._seen += 1
        self._successor_ns = info.modified_ns

    def end(self, due: Due) -> Iterator[DeleteRequest]:
        """Yield what is to be deleted now that the name has no more versions."""
        marker, self._lone_marker = self._lone_marker, None
        if marker is not None and due.marker_expired(marker):
            yield DeleteRequest(marker.name, version=marker.version, still=Still.LONE_MARKER)


def _remaining(prefixes: Sequence[str], at: Position) -> list[str]:
    """Return the prefixes that a walk in their order has not done; a change of the rules may have
    changed the length of the current one."""
    return [each for each in prefixes if each >= at.prefix or at.prefix.startswith(each)]


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _unchanged(info: ObjectInfo) -> DeleteRequest:
    return DeleteRequest(info.name, _as_it_was(info))


def _noncurrent(info: ObjectInfo) -> DeleteRequest:
    # A delete marker has no ETag, so it meets no condition.
    condition = ALWAYS if info.delete_marker else _as_it_was(info)
    return DeleteRequest(info.name, condition, info.version, still=Still.NONCURRENT)


def _as_it_was(info: ObjectInfo) -> Condition:
    return Condition(if_match=(info.etag,), if_unmodified_since=info.modified_ns // _NS)


def _count(tally: Tally, request: DeleteRequest, outcome: Deletion | StorageError) -> None:
    match outcome:
        case ObjectLocked():
            tally.kept += 1
        case ObjectNotFound() | PreconditionFailed() | VersionNotFound():
            tally.changed += 1
        case StorageError():
            tally.failed += 1
            log.error("cannot delete", extra={"key": request.name, "error": repr(outcome)})
        case Deletion(existed=False):
            tally.changed += 1
        case _ if request.still is Still.NONCURRENT:
            tally.noncurrent += 1
        case _ if request.still is Still.LONE_MARKER:
            tally.markers += 1
        case _:
            tally.expired += 1
