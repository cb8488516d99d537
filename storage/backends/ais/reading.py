"""Reading objects: facts, conditions, ranges, bodies.

A whole object is one GET, whose headers say everything. AIStore has no conditions, so a range is
read after a look at the object, and only if both answers are of the same version.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from storage.backends.ais.body import Check
from storage.backends.ais.facts import CUSTOM, VERSION, Sum, info_of, sum_of
from storage.backends.ais.place import PROVIDER, Place, place_of
from storage.backends.ais.service import Request, Service, object_path
from storage.backends.answers import AnswerReader, lower_case
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

if TYPE_CHECKING:
    from aiohttp import ClientResponse

# A body up to this comes as bytes.
SMALL_BYTES = BLOCK_BYTES
# How often an object is looked at that changes before it is read.
_MOST_LOOKS = 3


class ObjectReader:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        _check_version(options)
        info = await self.look(place_of(bucket, name))
        check_read(options.condition, info)
        return Reading(info, _span_of(wanted_of(options, info), info.size), b"")

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        _check_version(options)
        place = place_of(bucket, name)
        if options.want is None and options.choose is None and options.before_stream is None:
            return await self._open_whole(place, options)
        for _ in range(_MOST_LOOKS):
            try:
                return await self._look_and_open(place, options)
            except _Replaced:
                continue
        raise ObjectChanged(str(place))

    async def look(self, place: Place) -> ObjectInfo:
        """Raises as `get_object` does."""
        return (await self._look(place))[0]

    async def _look(self, place: Place) -> tuple[ObjectInfo, Sum]:
        # Presence 0 is anywhere, also in a cloud behind the other cluster.
        query = {**place.query, "presence": "0"}
        response = await self._service.open(place, Request("HEAD", _path(place), query))
        async with response:
            return _info(place, response), sum_of(lower_case(response))

    async def _open_whole(self, place: Place, options: ReadOptions) -> Reading:
        response = await self._get(place, None)
        try:
            info = _info(place, response)
            check_read(options.condition, info)
        except BaseException:
            response.close()
            raise
        return await self._reading(place, info, Between(0, info.size), response, _sum(response))

    async def _look_and_open(self, place: Place, options: ReadOptions) -> Reading:
        info, whole = await self._look(place)
        check_read(options.condition, info)
        span = _span_of(wanted_of(options, info), info.size)
        if not len(span):
            return Reading(info, span, b"")
        if options.before_stream is not None and len(span) > SMALL_BYTES:
            await options.before_stream()
        try:
            response = await self._open_same(place, info, span)
        except (ObjectChanged, ObjectNotFound, RangeNotSatisfiable):
            raise _Replaced(place) from None
        check = whole if len(span) == info.size else Sum()
        return await self._reading(place, info, span, response, check)

    async def _open_same(self, place: Place, info: ObjectInfo, span: Between) -> ClientResponse:
        """Open a range of an object that has been seen. Raise `ObjectChanged`."""
        response = await self._get(place, span)
        headers = lower_case(response)
        whole = f"bytes {span.start}-{span.stop - 1}/{info.size}"
        is_all = "content-range" not in headers and len(span) == info.size
        same_version = headers.get(VERSION, info.version) == info.version
        same_range = is_all or headers.get("content-range") == whole
        if not same_version or not same_range or _length(place, headers) != len(span):
            response.close()
            raise ObjectChanged(str(place))
        return response

    async def _reading(
        self, place: Place, info: ObjectInfo, span: Between, response: ClientResponse, whole: Sum
    ) -> Reading:
        check = Check(place, whole)

        async def reopen(rest: Between) -> AnswerReader:
            # Without versions there, only the checksum says whether it is the same.
            if (await self.look(place)).etag != info.etag:
                raise ObjectChanged(f"{place} was replaced while it was read")
            again = await self._open_same(place, info, rest)
            return self._answer_reader(place, again, len(rest), check)

        reader = self._answer_reader(place, response, len(span), check)
        stream = BodyStream(str(place), reader, span.stop, reopen)
        if len(span) > SMALL_BYTES:
            return Reading(info, span, stream)
        async with aclosing(stream):
            return Reading(info, span, b"".join([block async for block in stream]))

    def _answer_reader(
        self, place: Place, response: ClientResponse, left: int, check: Check
    ) -> AnswerReader:
        service = self._service
        limit_s = service.options.read_timeout_s
        return AnswerReader(
            str(place), response, left, check, lambda: service.guarded(place), limit_s
        )

    async def _get(self, place: Place, span: Between | None) -> ClientResponse:
        headers = {} if span is None else {"range": f"bytes={span.start}-{span.stop - 1}"}
        request = Request("GET", _path(place), place.query, headers)
        return await self._service.open(place, request)


class _Replaced(Exception):
    """The object is not the one that was looked at."""


def _path(place: Place) -> str:
    """Raise `ObjectNotFound` for a name that no object can have."""
    if not place.name:
        raise ObjectNotFound(place.name)
    return object_path(place)


def _check_version(options: ReadOptions) -> None:
    if options.version is not None:
        raise NotSupported("versions", PROVIDER)


def _info(place: Place, response: ClientResponse) -> ObjectInfo:
    headers = lower_case(response)
    custom = [pair for text in response.headers.getall(CUSTOM, []) for pair in _pairs(text)]
    return info_of(place.name, _length(place, headers), headers, custom)


def _pairs(text: str) -> list[str]:
    """Most send one pair in each header; values with a comma stay whole there."""
    parts = text.split(", ")
    return parts if all("=" in part for part in parts) else [text]


def _sum(response: ClientResponse) -> Sum:
    return sum_of(lower_case(response))


def _length(place: Place, headers: dict[str, str]) -> int:
    text = headers.get("content-length", "")
    if not text.isdecimal():
        raise BackendError(str(place), "InvalidResponse", "it has no Content-Length")
    return int(text)


def _span_of(want: Want | None, size: int) -> Between:
    if isinstance(want, PartNumber):
        if want.number != 1:
            raise PartNotFound(want.number)
        return Between(0, size)
    return resolve(want, size)
