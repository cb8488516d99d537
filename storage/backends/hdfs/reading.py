"""Reading objects: facts, conditions, ranges, bodies.

WebHDFS has no conditions, and its answers with content say nothing of the file. So an object is
looked at before it is read, and again when the last bytes have come, before they are handed on:
what was read is of one file, or the read fails. Without the second look even one answer could be of
two files, since a datanode asks for the blocks of a long file by its name.
"""

from __future__ import annotations

from contextlib import aclosing

from storage.backends.answers import AnswerReader
from storage.backends.hdfs.facts import FileStatus, info_of
from storage.backends.hdfs.files import Files
from storage.backends.hdfs.place import PROVIDER, Place, is_possible, place_of
from storage.backends.hdfs.service import Request, Service
from storage.backends.resuming import BLOCK_BYTES, BodyStream
from storage.conditions import check_read, wanted_of
from storage.errors import (
    BackendError,
    NotSupported,
    ObjectChanged,
    ObjectNotFound,
    PartNotFound,
    RangeNotSatisfiable,
)
from storage.ranges import Between, PartNumber, Want, resolve
from storage.values import READ_ALL, ObjectInfo, Reading, ReadOptions

# A body up to this comes as bytes.
SMALL_BYTES = BLOCK_BYTES
# How often an object is looked at that changes before it is read.
_MOST_LOOKS = 3


class ObjectReader:
    def __init__(self, service: Service, files: Files) -> None:
        self._service = service
        self._files = files

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        _check_version(options)
        info = await self.look(place_of(self._service.options.root, bucket, name))
        check_read(options.condition, info)
        return Reading(info, _span_of(wanted_of(options, info), info.size), b"")

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        _check_version(options)
        place = place_of(self._service.options.root, bucket, name)
        for _ in range(_MOST_LOOKS):
            try:
                return await self._look_and_open(place, options)
            except _Replaced:
                continue
        raise ObjectChanged(str(place))

    async def look(self, place: Place) -> ObjectInfo:
        """Raises as `get_object` does."""
        status = await self.require(place)
        return info_of(place.name, status, await self._files.kept(place))

    async def require(self, place: Place) -> FileStatus:
        """Return the status of an object. Raise `ObjectNotFound`, `BucketNotFound`."""
        status = await self.find(place)
        if status is None:
            raise ObjectNotFound(place.name)
        return status

    async def find(self, place: Place) -> FileStatus | None:
        """Return the status of an object, None for none; a folder is not one. Raise
        `BucketNotFound`."""
        status = await self._files.status(place) if is_possible(place) else None
        if status is None:
            await self._files.require_bucket(place)
        return status if status is not None and status.is_file else None

    async def _look_and_open(self, place: Place, options: ReadOptions) -> Reading:
        info = await self.look(place)
        check_read(options.condition, info)
        span = _span_of(wanted_of(options, info), info.size)
        if not len(span):
            return Reading(info, span, b"")
        if options.before_stream is not None and len(span) > SMALL_BYTES:
            await options.before_stream()
        check = _Unchanged(self._files, place, info.etag)
        try:
            reader = await self._open(place, span, check)
        except (ObjectChanged, ObjectNotFound, RangeNotSatisfiable):
            raise _Replaced(place) from None

        async def reopen(rest: Between) -> AnswerReader:
            return await self._open(place, rest, check)

        stream = BodyStream(str(place), reader, span.stop, reopen)
        if len(span) > SMALL_BYTES:
            return Reading(info, span, stream)
        async with aclosing(stream):
            try:
                return Reading(info, span, b"".join([block async for block in stream]))
            except ObjectChanged:
                raise _Replaced(place) from None

    async def _open(self, place: Place, span: Between, check: _Unchanged) -> AnswerReader:
        """Open a range of a file that was long enough. Raise `ObjectChanged`."""
        query = {"offset": str(span.start), "length": str(len(span))}
        response = await self._service.open(place, Request("GET", "OPEN", query))
        # HttpFS sends without a length.
        length = response.headers.get("content-length", str(len(span)))
        if not length.isdecimal():
            response.close()
            raise BackendError(str(place), "InvalidResponse", "its length is not a number")
        if int(length) != len(span):
            response.close()
            raise ObjectChanged(f"{place} has another length than before")
        limit_s = self._service.options.read_timeout_s
        guarded = self._service.guarded
        return AnswerReader(str(place), response, len(span), check, lambda: guarded(place), limit_s)


class _Unchanged:
    """Whether a file is still the one that was looked at."""

    def __init__(self, files: Files, place: Place, etag: str) -> None:
        self._files = files
        self._place = place
        self._etag = etag

    async def update(self, block: bytes) -> None:
        pass

    async def end(self) -> None:
        status = await self._files.status(self._place)
        if status is None or status.etag != self._etag:
            raise ObjectChanged(f"{self._place} was replaced while it was read")


class _Replaced(Exception):
    """The object is not the one that was looked at."""


def _check_version(options: ReadOptions) -> None:
    if options.version is not None:
        raise NotSupported("versions", PROVIDER)


def _span_of(want: Want | None, size: int) -> Between:
    if isinstance(want, PartNumber):
        if want.number != 1:
            raise PartNotFound(want.number)
        return Between(0, size)
    return resolve(want, size)
