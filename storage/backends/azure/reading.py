"""Reading objects: facts, conditions, ranges, bodies.

A read is one GET if Azure can judge all of it. Where the caller decides by what is found, waits
before a long body, wants the last bytes (Azure has no such range), or has conditions of several
kinds, the object is looked at first, and then read under the condition that it is still that one.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from storage.backends.answers import AnswerReader, lower_case
from storage.backends.azure.blocks import part_spans
from storage.backends.azure.body import Check
from storage.backends.azure.facts import info_of, quoted
from storage.backends.azure.place import PROVIDER, Place
from storage.backends.azure.service import Request, Service
from storage.backends.resuming import BLOCK_BYTES, BodyStream
from storage.conditions import check_read, wanted_of
from storage.errors import (
    BackendError,
    NotSupported,
    ObjectChanged,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from storage.ranges import Between, From, PartNumber, Want, resolve
from storage.values import READ_ALL, Condition, ObjectInfo, Reading, ReadOptions

if TYPE_CHECKING:
    from aiohttp import ClientResponse

# A body up to this comes as bytes.
SMALL_BYTES = BLOCK_BYTES
# How often an object is looked at that changes before it is read.
_MOST_LOOKS = 3
# Azure computes the MD5 of a range up to this.
_MOST_SUMMED = 4 << 20


class ObjectReader:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        place = Place(bucket, name)
        _check_version(options)
        for _ in range(_MOST_LOOKS):
            try:
                return Reading(*await self._look_and_choose(place, options), b"")
            except _Replaced:
                continue
        raise ObjectChanged(str(place))

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        place = Place(bucket, name)
        _check_version(options)
        if _is_plain(options):
            try:
                etag = next(iter(options.condition.if_match), "")
                return await self._open(place, options.want, etag)
            except RangeNotSatisfiable as error:
                # Azure does not always say how long the object is.
                if error.size >= 0:
                    raise
        for _ in range(_MOST_LOOKS):
            try:
                return await self._look_and_open(place, options)
            except _Replaced:
                continue
        raise ObjectChanged(str(place))

    async def look(self, place: Place) -> ObjectInfo:
        """Raises as `get_object` does."""
        headers = await self.look_at_headers(place)
        return info_of(place.name, headers, _length(place, headers))

    async def look_at_headers(self, place: Place) -> dict[str, str]:
        response = await self._service.open(place, Request("HEAD"))
        async with response:
            headers = lower_case(response)
        _check_is_object(place, headers)
        return headers

    async def _span_of_part(self, place: Place, info: ObjectInfo, number: int) -> Between:
        """Raise `PartNotFound`."""
        if not info.parts:
            if number != 1:
                raise PartNotFound(number)
            return Between(0, info.size)
        etag, spans = await part_spans(self._service, place)
        if etag != info.etag:
            raise _Replaced(place)
        if number not in spans:
            raise PartNotFound(number, info.parts)
        return spans[number]

    async def _look_and_choose(
        self, place: Place, options: ReadOptions
    ) -> tuple[ObjectInfo, Between]:
        info = await self.look(place)
        check_read(options.condition, info)
        want = wanted_of(options, info)
        if isinstance(want, PartNumber):
            return info, await self._span_of_part(place, info, want.number)
        return info, resolve(want, info.size)

    async def _look_and_open(self, place: Place, options: ReadOptions) -> Reading:
        info, span = await self._look_and_choose(place, options)
        if not len(span):
            return Reading(info, span, b"")
        if options.before_stream is not None and len(span) > SMALL_BYTES:
            await options.before_stream()
        try:
            return await self._open(place, None if len(span) == info.size else span, info.etag)
        except PreconditionFailed:
            raise _Replaced(place) from None

    async def _open(self, place: Place, want: Want | None, etag: str = "") -> Reading:
        """Send a GET and open its answer."""
        assert not isinstance(want, PartNumber), "its span is wanted instead"
        response = await self._get(place, want, etag)
        headers = lower_case(response)
        try:
            _check_is_object(place, headers)
            size, span = _measure(place, response, want)
            info = info_of(place.name, headers, size)
        except BaseException:
            response.close()
            raise
        check = Check(place, _md5_of(headers, want))
        stream = self._stream(place, info, response, span, check)
        if len(span) > SMALL_BYTES:
            return Reading(info, span, stream)
        async with aclosing(stream):
            return Reading(info, span, b"".join([block async for block in stream]))

    def _stream(
        self, place: Place, info: ObjectInfo, response: ClientResponse, span: Between, check: Check
    ) -> BodyStream:
        async def reopen(rest: Between) -> AnswerReader:
            if not info.etag:
                raise ObjectChanged(f"{place} has no ETag to go on by")
            again = await self._get(place, rest, info.etag)
            try:
                same = _measure(place, again, rest) == (info.size, rest)
                if not same:
                    raise ObjectChanged(str(place))
            except BaseException:
                again.close()
                raise
            return self._answer_reader(place, again, len(rest), check)

        reader = self._answer_reader(place, response, len(span), check)
        return BodyStream(str(place), reader, span.stop, reopen)

    def _answer_reader(
        self, place: Place, response: ClientResponse, left: int, check: Check
    ) -> AnswerReader:
        service = self._service
        limit_s = service.options.read_timeout_s
        return AnswerReader(
            str(place), response, left, check, lambda: service.guarded(place), limit_s
        )

    async def _get(self, place: Place, want: Want | None, etag: str) -> ClientResponse:
        headers: dict[str, str] = {}
        match want:
            case Between(start, stop):
                headers["x-ms-range"] = f"bytes={start}-{stop - 1}"
                if _is_summed(want):
                    headers["x-ms-range-get-content-md5"] = "true"
            case From(start):
                headers["x-ms-range"] = f"bytes={start}-"
        if etag and etag != "*":
            headers["if-match"] = quoted(etag)
        return await self._service.open(place, Request("GET", headers=headers))


class _Replaced(Exception):
    """The object is not the one that was looked at."""


def _check_version(options: ReadOptions) -> None:
    if options.version is not None:
        raise NotSupported("versions", PROVIDER)


def _check_is_object(place: Place, headers: dict[str, str]) -> None:
    """Raise `ObjectNotFound` for a directory of a hierarchical namespace."""
    if headers.get("x-ms-resource-type") == "directory":
        raise ObjectNotFound(place.name)


def _is_plain(options: ReadOptions) -> bool:
    """Whether one GET does: at most one ETag is a condition, and nothing depends on the facts."""
    if options.choose is not None or options.before_stream is not None:
        return False
    match options.want:
        case None | From():
            pass
        case Between() as span if len(span):
            pass
        case _:
            return False
    return options.condition == Condition(options.condition.if_match[:1])


def _measure(place: Place, response: ClientResponse, want: Want | None) -> tuple[int, Between]:
    """Return the size of the object and the span of an answer; raise unless that was wanted."""
    assert not isinstance(want, PartNumber), "its span is wanted instead"
    headers = lower_case(response)
    length = _length(place, headers)
    described = headers.get("content-range", "")
    if described:
        span, size = _read_content_range(place, described)
    else:
        size, span = length, Between(0, length)
    if span != resolve(want, size) or len(span) != length:
        raise BackendError(str(place), "InvalidResponse", f"{described or 'all'} is not the range")
    return size, span


def _md5_of(headers: dict[str, str], want: Want | None) -> str:
    """The MD5 of an answer's bytes, if it has one; else empty."""
    described = "content-range" in headers and not _is_summed(want)
    return "" if described else headers.get("content-md5", "")


def _is_summed(want: Want | None) -> bool:
    return isinstance(want, Between) and len(want) <= _MOST_SUMMED


def _length(place: Place, headers: dict[str, str]) -> int:
    text = headers.get("content-length", "")
    if not text.isdecimal():
        raise BackendError(str(place), "InvalidResponse", "it has no Content-Length")
    return int(text)


def _read_content_range(place: Place, text: str) -> tuple[Between, int]:
    """Read `bytes 0-9/10`."""
    unit, _, rest = text.partition(" ")
    interval, _, size = rest.partition("/")
    first, _, last = interval.partition("-")
    if unit != "bytes" or not (first.isdecimal() and last.isdecimal() and size.isdecimal()):
        raise BackendError(str(place), "InvalidResponse", f"Content-Range {text!r}")
    return Between(int(first), int(last) + 1), int(size)
