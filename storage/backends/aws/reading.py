"""Reading objects: facts, conditions, ranges, bodies.

A read is one GET if S3 can judge all of it. Where the caller decides by what is found, waits before
a long body, or has conditions of several kinds, the object is looked at first, and then read under
the condition that it is still that one.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from storage.backends.aws.body import BodyReader
from storage.backends.aws.facts import info_of, quoted
from storage.backends.aws.place import Place
from storage.backends.aws.remote import Remote, Use
from storage.backends.resuming import BLOCK_BYTES, BodyStream
from storage.conditions import check_read, wanted_of
from storage.errors import (
    BackendError,
    DeleteMarkerFound,
    ObjectChanged,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from storage.ranges import Between, From, Last, PartNumber, Want, resolve
from storage.values import READ_ALL, Condition, ObjectInfo, Reading, ReadOptions

# A body up to this comes as bytes.
SMALL_BYTES = BLOCK_BYTES
# How often an object is looked at that changes before it is read.
_MOST_LOOKS = 3
_WITHOUT_CODE = "400"


class ObjectReader:
    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        place = Place(bucket, name, options.version)
        if isinstance(options.want, PartNumber) and options.choose is None:
            return await self._head_part(place, options, options.want.number)
        info = await self.look(place)
        check_read(options.condition, info)
        want = wanted_of(options, info)
        if isinstance(want, PartNumber):
            return await self._head_part(place, options, want.number)
        return Reading(info, resolve(want, info.size), b"")

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        place = Place(bucket, name, options.version)
        if _is_plain(options):
            try:
                etag = next(iter(options.condition.if_match), "")
                return await self._open(place, options.want, etag)
            except RangeNotSatisfiable as error:
                # S3 has no last bytes of an empty object; and some do not say how long it is.
                if error.size > 0:
                    raise
        for _ in range(_MOST_LOOKS):
            try:
                return await self._look_and_open(place, options)
            except _Replaced:
                continue
        raise ObjectChanged(str(place))

    async def look(self, place: Place) -> ObjectInfo:
        """Raises as `get_object` does."""
        return (await self._look(place))[0]

    async def _look(self, place: Place, part: int = 0) -> tuple[ObjectInfo, Between | None]:
        """The facts of an object, and the place of its part if S3 says that."""
        params = self._params(place)
        if part:
            params["PartNumber"] = part
        try:
            async with self._remote.client(place) as s3:
                answer: Any = await s3.head_object(**params)
        except DeleteMarkerFound:
            raise
        except (ObjectNotFound, BackendError) as error:
            if isinstance(error, BackendError) and error.code != _WITHOUT_CODE:
                raise
            await self._raise_reason(place)
            raise
        size, span = _length(place, answer), None
        if part and (described := answer.get("ContentRange")):
            span, size = _read_content_range(place, described)
        tags = await self._tags(place, answer)
        return info_of(place.name, answer, size, tags), span

    async def _raise_reason(self, place: Place) -> None:
        """Ask again with a GET: an error that answers a HEAD does not say whether bucket, object or
        version is missing, nor what was wrong."""
        params = self._params(place)
        try:
            async with self._remote.client(place) as s3:
                answer: Any = await s3.get_object(**params, Range="bytes=0-0")
        except RangeNotSatisfiable:
            return
        answer["Body"].close()

    async def _head_part(self, place: Place, options: ReadOptions, number: int) -> Reading:
        """S3 answers for a part with its length, and not always with its place."""
        info, span = await self._look(_of_part(place, number), number)
        check_read(options.condition, info)
        if span is None:
            reading = await self._open(_of_part(place, number), PartNumber(number), info.etag)
            if not isinstance(reading.body, bytes):
                await reading.body.aclose()
            info, span = reading.info, reading.span
        return Reading(info, span, b"")

    async def _look_and_open(self, place: Place, options: ReadOptions) -> Reading:
        info = await self.look(place)
        check_read(options.condition, info)
        want = wanted_of(options, info)
        if isinstance(want, PartNumber):
            return await self._open_same(place, want, info)
        span = resolve(want, info.size)
        if not len(span):
            return Reading(info, span, b"")
        if options.before_stream is not None and len(span) > SMALL_BYTES:
            await options.before_stream()
        return await self._open_same(place, None if len(span) == info.size else span, info)

    async def _open_same(self, place: Place, want: Want | None, info: ObjectInfo) -> Reading:
        try:
            return await self._open(place, want, info.etag)
        except PreconditionFailed:
            raise _Replaced(place) from None

    async def _open(self, place: Place, want: Want | None, etag: str = "") -> Reading:
        """Send a GET and open its answer."""
        if isinstance(want, PartNumber):
            place = _of_part(place, want.number)
        answer = await self._get(place, want, etag)
        body = answer["Body"]
        try:
            size, span = _measure(place, answer, want)
            info = info_of(place.name, answer, size, await self._tags(place, answer))
        except BaseException:
            body.close()
            raise
        stream = self._stream(place, info, body, span)
        if len(span) > SMALL_BYTES:
            return Reading(info, span, stream)
        async with aclosing(stream):
            return Reading(info, span, b"".join([block async for block in stream]))

    def _stream(self, place: Place, info: ObjectInfo, body: Any, span: Between) -> BodyStream:
        async def reopen(rest: Between) -> BodyReader:
            if not info.etag:
                raise ObjectChanged(f"{place} has no ETag to go on by")
            answer = await self._get(place, rest, info.etag)
            try:
                if _measure(place, answer, rest) != (info.size, rest):
                    raise ObjectChanged(str(place))
            except BaseException:
                answer["Body"].close()
                raise
            return BodyReader(self._remote, place, answer["Body"], len(rest))

        reader = BodyReader(self._remote, place, body, len(span))
        return BodyStream(str(place), reader, span.stop, reopen)

    async def _get(self, place: Place, want: Want | None, etag: str) -> Any:
        params = self._params(place)
        if isinstance(want, PartNumber):
            params["PartNumber"] = want.number
        elif want is not None:
            params["Range"] = _range(want)
        if etag and etag != "*":
            params["IfMatch"] = quoted(etag)
        async with self._remote.client(place) as s3:
            return await s3.get_object(**params)

    def _params(self, place: Place) -> dict[str, Any]:
        params: dict[str, Any] = {"Bucket": place.bucket, "Key": place.name}
        if place.version is not None:
            params["VersionId"] = place.version
        if self._remote.options.checksums:
            params["ChecksumMode"] = "ENABLED"
        return params

    async def _tags(self, place: Place, answer: Any) -> dict[str, str]:
        """S3 says how many there are to those who may read them."""
        if not answer.get("TagCount"):
            return {}
        version = answer.get("VersionId")
        params: dict[str, Any] = {"VersionId": version} if version else {}
        async with self._remote.client(place, Use.ASIDE) as s3:
            found = await s3.get_object_tagging(Bucket=place.bucket, Key=place.name, **params)
        return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}


class _Replaced(Exception):
    """The object is not the one that was looked at."""


def _of_part(place: Place, number: int) -> Place:
    return Place(place.bucket, place.name, place.version, part=number)


def _is_plain(options: ReadOptions) -> bool:
    """Whether one GET does: at most one ETag is a condition, and nothing depends on the facts."""
    if options.choose is not None or options.before_stream is not None:
        return False
    match options.want:
        case Last(count) if not count:
            return False
        case Between() as span if not len(span):
            return False
    return options.condition == Condition(options.condition.if_match[:1])


def _range(want: Between | From | Last) -> str:
    match want:
        case Between(start, stop):
            return f"bytes={start}-{stop - 1}"
        case From(start):
            return f"bytes={start}-"
        case Last(count):
            return f"bytes=-{count}"


def _measure(place: Place, answer: Any, want: Want | None) -> tuple[int, Between]:
    """Return the size of the object and the span of an answer; raise unless that was wanted."""
    length = _length(place, answer)
    described = answer.get("ContentRange", "")
    if not described:
        if isinstance(want, PartNumber) and want.number != 1:
            raise PartNotFound(want.number)
        size, span = length, Between(0, length)
    else:
        span, size = _read_content_range(place, described)
    expected = span if isinstance(want, PartNumber) else resolve(want, size)
    if span != expected or len(span) != length:
        raise BackendError(str(place), "InvalidResponse", f"{described or 'all'} is not the range")
    return size, span


def _length(place: Place, answer: Any) -> int:
    length: int | None = answer.get("ContentLength")
    if length is None:
        raise BackendError(str(place), "InvalidResponse", "it has no Content-Length")
    return length


def _read_content_range(place: Place, text: str) -> tuple[Between, int]:
    """Read `bytes 0-9/10`."""
    unit, _, rest = text.partition(" ")
    interval, _, size = rest.partition("/")
    first, _, last = interval.partition("-")
    if unit != "bytes" or not (first.isdecimal() and last.isdecimal() and size.isdecimal()):
        raise BackendError(str(place), "InvalidResponse", f"Content-Range {text!r}")
    return Between(int(first), int(last) + 1), int(size)
