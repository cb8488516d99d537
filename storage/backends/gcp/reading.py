"""Reading objects: facts, conditions, ranges, bodies.

The facts come from the object's resource, the bytes from a second request for that very generation:
what the headers of a body say is less. Both are sent at once where nothing depends on the facts;
if the object was replaced between the two, the body is opened again. A reader of many ranges names
the ETag that it has seen: one request is then enough, which is refused if anything has changed.

Bytes are read as they are stored: without `Accept-Encoding: gzip`, Cloud Storage would unpack what
has that content encoding, and answer no range of it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from storage.backends.gcp.body import AnswerReader, Check
from storage.backends.gcp.facts import FIELDS, Resource, object_path
from storage.backends.gcp.place import PROVIDER, Place
from storage.backends.gcp.remote import Remote
from storage.backends.resuming import BLOCK_BYTES, BodyStream
from storage.conditions import check_read, wanted_of
from storage.errors import (
    BackendDenied,
    BackendError,
    BackendUnavailable,
    NotSupported,
    ObjectChanged,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageError,
    VersionNotFound,
)
from storage.ranges import Between, From, Last, PartNumber, Want, resolve
from storage.values import READ_ALL, Condition, ObjectInfo, Reading, ReadOptions

# A body up to this comes as bytes.
SMALL_BYTES = BLOCK_BYTES
# How often an object is looked at that changes before it is read.
MOST_LOOKS = 3

_GENERATION = "x-goog-generation"
_REMEMBERED = 1000


class ObjectReader:
    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        # The objects that were looked at last, by bucket and name.
        self._seen: OrderedDict[tuple[str, str], Resource] = OrderedDict()

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        info = (await self.look(Place(bucket, name, options.version))).info
        check_read(options.condition, info)
        return Reading(info, _span_of(wanted_of(options, info), info.size), b"")

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        place = Place(bucket, name, options.version)
        if _is_plain(options):
            reading = await self._open_seen(place, options)
            reading = reading or await self._open_at_once(place, options)
            if reading is not None:
                return reading
        for _ in range(MOST_LOOKS):
            try:
                return await self._look_and_open(place, options)
            except _Replaced:
                continue
        raise ObjectChanged(str(place))

    async def look(self, place: Place) -> Resource:
        """Raises as `get_object` does."""
        params = {"fields": FIELDS, **generation_of(place)}
        path = object_path(place.bucket, place.name)
        found = await self._remote.ask(Resource, place, "GET", path, params=params)
        if place.version is None:
            self._seen[place.bucket, place.name] = found
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return found

    async def _look_and_open(self, place: Place, options: ReadOptions) -> Reading:
        info = (await self.look(place)).info
        check_read(options.condition, info)
        span = _span_of(wanted_of(options, info), info.size)
        if not len(span):
            return Reading(info, span, b"")
        if options.before_stream is not None and len(span) > SMALL_BYTES:
            await options.before_stream()
        return await self._reading(place, info, span, await self._open_same(place, info, span))

    async def _open_same(self, place: Place, info: ObjectInfo, span: Between) -> Any:
        try:
            return await self._open(place, info, span)
        except (ObjectNotFound, VersionNotFound, RangeNotSatisfiable):
            if place.version is not None:
                raise
            raise _Replaced(place) from None

    async def _open_seen(self, place: Place, options: ReadOptions) -> Reading | None:
        """None if the object has not been seen with that ETag, or is not that one any more."""
        seen = self._seen.get((place.bucket, place.name))
        etag = next(iter(options.condition.if_match), "")
        if seen is None or options.condition != Condition(if_match=(etag,)):
            return None
        info = seen.info
        if place.version is not None or info.etag != etag:
            return None
        try:
            span = _span_of(options.want, info.size)
            answer = await self._get(place, _range(span, info.size), seen.unchanged)
            _check(place, info, span, answer)
        except (BackendUnavailable, BackendDenied):
            raise
        except (BackendError, ObjectNotFound, PreconditionFailed, RangeNotSatisfiable):
            self._seen.pop((place.bucket, place.name), None)
            return None
        return await self._reading(place, info, span, answer)

    async def _open_at_once(self, place: Place, options: ReadOptions) -> Reading | None:
        """None if the two answers are of different objects, or there is no body."""
        opening = asyncio.ensure_future(
            self._get(place, _wanted(options.want), generation_of(place))
        )
        try:
            info = (await self.look(place)).info
            check_read(options.condition, info)
            span = _span_of(options.want, info.size)
        except BaseException:
            await _drop(opening)
            raise
        try:
            answer = await opening
        except StorageError:
            # Of an empty object, or one that went: the slow way knows.
            return None
        except BaseException:
            await _drop(opening)
            raise
        if answer.headers.get(_GENERATION) != info.version or not len(span):
            answer.close()
            return None
        _check(place, info, span, answer)
        return await self._reading(place, info, span, answer)

    async def _open(self, place: Place, info: ObjectInfo, span: Between) -> Any:
        pinned = {"generation": info.version}
        answer = await self._get(place, _range(span, info.size), pinned)
        _check(place, info, span, answer)
        return answer

    async def _get(self, place: Place, wanted: str, which: Mapping[str, str]) -> Any:
        headers = {"accept-encoding": "gzip"}
        if wanted:
            headers["range"] = wanted
        params = {"alt": "media", **which}
        path = object_path(place.bucket, place.name)
        return await self._remote.open(place, path, params=params, headers=headers)

    async def _reading(self, place: Place, info: ObjectInfo, span: Between, answer: Any) -> Reading:
        is_whole = len(span) == info.size and info.checksum is not None
        check = Check(info.checksum.value if is_whole and info.checksum is not None else "")

        async def reopen(rest: Between) -> AnswerReader:
            pinned = Place(place.bucket, place.name, info.version)
            again = await self._open(pinned, info, rest)
            return AnswerReader(self._remote, place, again, len(rest), check)

        reader = AnswerReader(self._remote, place, answer, len(span), check)
        stream = BodyStream(str(place), reader, span.stop, reopen)
        if len(span) > SMALL_BYTES:
            return Reading(info, span, stream)
        async with aclosing(stream):
            return Reading(info, span, b"".join([block async for block in stream]))


class _Replaced(Exception):
    """The object is not the one that was looked at."""


def generation_of(place: Place) -> dict[str, str]:
    """Return the parameter that names a version. Raise `NotSupported` for what is not a generation:
    Cloud Storage has no delete markers and no null versions."""
    version = place.version
    if version is None:
        return {}
    if not (version.isascii() and version.isdecimal()):
        raise NotSupported("versions that are not generations", PROVIDER)
    return {"generation": version}


def _is_plain(options: ReadOptions) -> bool:
    """Whether both requests can be sent at once."""
    if options.choose is not None or options.before_stream is not None:
        return False
    if options.condition.if_range is not None or options.condition.if_none_match:
        return False
    match options.want:
        case Last(0) | PartNumber():
            return False
        case Between() as span:
            return len(span) > 0
    return options.version is None or options.version.isdecimal()


def _span_of(want: Want | None, size: int) -> Between:
    """An object is one part, whatever it was uploaded in: Cloud Storage forgets the parts."""
    if isinstance(want, PartNumber):
        if want.number != 1:
            raise PartNotFound(want.number)
        return Between(0, size)
    return resolve(want, size)


def _range(span: Between, size: int) -> str:
    return "" if len(span) == size else f"bytes={span.start}-{span.stop - 1}"


def _wanted(want: Want | None) -> str:
    match want:
        case Between(start, stop):
            return f"bytes={start}-{stop - 1}"
        case From(start):
            return f"bytes={start}-"
        case Last(count):
            return f"bytes=-{count}"
    return ""


def _check(place: Place, info: ObjectInfo, span: Between, answer: Any) -> None:
    """Raise `BackendError`, and close the answer, unless it is that span of the stored bytes."""
    told, length = answer.headers.get("content-range", ""), answer.headers.get("content-length", "")
    expected = f"bytes {span.start}-{span.stop - 1}/{info.size}"
    is_whole = len(span) == info.size and answer.status == 200
    stored = info.attributes.headers.get("content-encoding", "")
    problem = ""
    if not is_whole and (answer.status != 206 or told != expected):
        problem = f"{told or 'all'!r} is not the range"
    elif length not in ("", str(len(span))):
        problem = f"its length is {length}"
    elif answer.headers.get("content-encoding", stored) != stored:
        problem = "it was packed on its way"
    elif answer.headers.get(_GENERATION, info.version) != info.version:
        problem = "it is of another generation"
    if problem:
        answer.close()
        raise BackendError(str(place), "InvalidResponse", problem)


async def _drop(opening: asyncio.Future[Any]) -> None:
    """Close the answer: it is not needed any more."""
    opening.cancel()
    try:
        answer = await opening
    except (asyncio.CancelledError, StorageError):
        return
    answer.close()
