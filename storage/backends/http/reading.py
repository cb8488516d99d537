"""Reading of single URLs: facts, conditions, ranges, bodies.

A read is one GET, with the wanted range. A server may answer with all of the object, or may not say
how long it is: what is not wanted is then dropped. Where the caller decides by what is found, or
waits before a long body, the object is requested again under the condition that it is still that
one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from msgspec import Struct

from storage.backends.http.body import BodyReader, BodyStream
from storage.backends.http.facts import (
    Facts,
    condition_headers,
    facts_of,
    is_same,
    resuming_headers,
)
from storage.backends.http.foreign_errors import malformed, out_of_range, refused
from storage.backends.http.options import HttpOptions
from storage.backends.http.place import Place
from storage.backends.http.spool import Spool, spooled
from storage.backends.http.web import Answer, Question, Web
from storage.backends.resuming import BLOCK_BYTES
from storage.conditions import check_read, wanted_of
from storage.errors import LengthUnknown, ObjectChanged, PartNotFound, RangeNotSatisfiable
from storage.ranges import Between, From, Last, PartNumber, Want, resolve
from storage.values import ALWAYS, READ_ALL, Condition, ObjectInfo, Reading, ReadOptions

# A body up to this comes as bytes.
SMALL_BYTES = BLOCK_BYTES
# How often an object is requested that changes meanwhile.
_MOST_LOOKS = 3
# Answers of servers that do not do HEAD, or not for this caller, whose GET may be allowed.
_NO_HEAD = frozenset({400, 403, 405, 501})
_NOT_MODIFIED = 304
_IDENTITY: Mapping[str, str] = {"Accept-Encoding": "identity"}
_NONE: Mapping[str, str] = {}

Plain = Between | From | Last | None


class _Opened(Struct):
    """An open answer: the object, the bytes that will come, and the two ways to read them."""

    info: ObjectInfo
    span: Between
    body: BodyReader | Spool

    def close(self) -> None:
        self.body.close()


class WebReader:
    def __init__(self, web: Web, options: HttpOptions) -> None:
        self._web = web
        self._options = options

    async def head(self, place: Place, options: ReadOptions = READ_ALL) -> Reading:
        """Raises as `get` does, and `LengthUnknown`."""
        facts = await self._look(place, _NONE)
        assert facts is not None, "no condition was sent"
        if facts.size is None:
            raise LengthUnknown(str(place), "NoLength", "its server does not say how long it is")
        info = facts.info(place.name, facts.size)
        check_read(options.condition, info)
        return Reading(info, resolve(_plain(wanted_of(options, info)), info.size), b"")

    async def is_same(self, place: Place, known: ObjectInfo) -> bool:
        """Whether the object is still the known one. Raises as `head` does."""
        facts = await self._look(place, condition_headers(known))
        return facts is None or is_same(known, facts)

    async def get(self, place: Place, options: ReadOptions = READ_ALL) -> Reading:
        """Read an object, or a part. Raises as a backend's `get_object` does."""
        for _ in range(_MOST_LOOKS):
            try:
                return await self._get(place, options)
            except _Replaced:
                continue
        raise ObjectChanged(f"{place} changes while it is read")

    async def _get(self, place: Place, options: ReadOptions) -> Reading:
        depends = options.choose is not None or options.condition.if_range is not None
        try:
            opened = await self._open(place, None if depends else _plain(options.want))
        except (PartNotFound, RangeNotSatisfiable):
            await self._check(place, options.condition)
            raise
        try:
            info = opened.info
            check_read(options.condition, info)
            span = resolve(_plain(wanted_of(options, info)), info.size)
            if options.before_stream is not None and len(span) > SMALL_BYTES:
                opened.close()
                await options.before_stream()
                opened = await self._open_same(place, info, span)
            elif span != opened.span:
                opened.close()
                opened = await self._open_same(place, info, span)
            return await self._reading(place, opened)
        except BaseException:
            opened.close()
            raise

    async def _check(self, place: Place, condition: Condition) -> None:
        """Raise what the condition raises: it decides over the range."""
        if condition != ALWAYS:
            opened = await self._open(place, None)
            opened.close()
            check_read(condition, opened.info)

    async def _open_same(self, place: Place, known: ObjectInfo, span: Between) -> _Opened:
        opened = await self._open(place, None if len(span) == known.size else span)
        if (opened.info.etag, opened.info.size) != (known.etag, known.size):
            opened.close()
            raise _Replaced
        return opened

    async def _reading(self, place: Place, opened: _Opened) -> Reading:
        info, span, body = opened.info, opened.span, opened.body
        if isinstance(body, Spool):
            if len(span) > SMALL_BYTES:
                return Reading(info, span, body.stream(span.start, span.stop))
            content = await body.read(span.start, len(span))
            body.close()
            return Reading(info, span, content)
        stream = BodyStream(body, span, lambda rest: self._rest(place, info, rest))
        if len(span) > SMALL_BYTES:
            return Reading(info, span, stream)
        try:
            return Reading(info, span, b"".join([block async for block in stream]))
        finally:
            await stream.aclose()

    async def _open(self, place: Place, want: Plain) -> _Opened:
        """Send a GET and open its answer, for the range if the server has ranges."""
        headers = {} if want is None else {"Range": _range(want)}
        answer = await self._ask(place, "GET", headers)
        try:
            if answer.status == 416:
                return await self._unsatisfied(place, want, answer)
            facts = _facts(place, answer)
            if facts.size is None:
                return await self._open_unknown(place, want, facts, answer)
            return self._cut(place, want, facts, facts.size, answer)
        except BaseException:
            answer.close()
            raise

    def _cut(self, place: Place, want: Plain, facts: Facts, size: int, answer: Answer) -> _Opened:
        """Return the wanted part of an answer that is it, or the whole object."""
        info = facts.info(place.name, size)
        span = resolve(want, size)
        if facts.span is not None:
            if facts.span != span:
                raise malformed(place, "it is not the range that was wanted")
            body = self._body(answer, place, left=len(span))
        else:
            ends = span.stop == size
            body = self._body(answer, place, skip=span.start, left=len(span), rest_follows=not ends)
        return _Opened(info, span, body)

    async def _open_unknown(
        self, place: Place, want: Plain, facts: Facts, answer: Answer
    ) -> _Opened:
        """Return the wanted part of an object without a length, once all of it is here."""
        if facts.span is not None:
            raise malformed(place, "it is a range of an object without a length")
        body = self._body(answer, place)
        spool = await spooled(body, place, self._options)
        body.close()
        try:
            return _Opened(facts.info(place.name, spool.size), resolve(want, spool.size), spool)
        except BaseException:
            spool.close()
            raise

    async def _unsatisfied(self, place: Place, want: Plain, answer: Answer) -> _Opened:
        """Raise for a range after the end. The last bytes of an empty object are all of it."""
        answer.close()
        size = _size_of_416(answer)
        if want is None:
            raise refused(416, place)
        if isinstance(want, Last) and want.count and not size:
            return await self._open(place, None)
        raise out_of_range(size)

    async def _rest(self, place: Place, known: ObjectInfo, span: Between) -> BodyReader:
        """Take up a body that broke off."""
        promise = resuming_headers(known, time.time_ns())
        if promise is None:
            raise ObjectChanged(f"{place} broke off, and nothing says that it is still the same")
        answer = await self._ask(place, "GET", {"Range": _range(span), **promise})
        try:
            if answer.status == 416:
                raise ObjectChanged(f"{place} was replaced while it was read")
            facts = _facts(place, answer)
            if facts.size is None or not is_same(known, facts):
                raise ObjectChanged(f"{place} was replaced while it was read")
            reader = self._cut(place, span, facts, facts.size, answer).body
        except BaseException:
            answer.close()
            raise
        assert isinstance(reader, BodyReader), "its length is known"
        return reader

    async def _look(self, place: Place, headers: Mapping[str, str]) -> Facts | None:
        """Return what the server says of the object; None if the condition in the headers says that
        it is the same. A server without HEAD, or whose HEAD has no length, gets a GET."""
        answer = await self._ask(place, "HEAD", headers)
        answer.close()
        if answer.status == _NOT_MODIFIED and headers:
            return None
        if answer.status not in _NO_HEAD:
            facts = _facts(place, answer)
            if facts.size is not None:
                return facts
        answer = await self._ask(place, "GET", headers)
        answer.close()
        if answer.status == _NOT_MODIFIED and headers:
            return None
        return _facts(place, answer)

    async def _ask(self, place: Place, method: str, headers: Mapping[str, str]) -> Answer:
        return await self._web.ask(
            Question(
                place.url,
                str(place),
                method,
                {**_IDENTITY, **headers},
                self._options.idle_s,
                place.origin_headers,
            )
        )

    def _body(
        self,
        answer: Answer,
        place: Place,
        *,
        skip: int = 0,
        left: int | None = None,
        rest_follows: bool = False,
    ) -> BodyReader:
        idle_s = self._options.idle_s
        return BodyReader(answer, place, idle_s, skip=skip, left=left, rest_follows=rest_follows)


class _Replaced(Exception):
    """The object is not the one that was looked at."""


def _facts(place: Place, answer: Answer) -> Facts:
    """Raise the error of an answer that is not the object."""
    if answer.status not in (200, 206):
        raise refused(answer.status, place)
    try:
        return facts_of(answer.headers, answer.status)
    except ValueError as error:
        raise malformed(place, str(error)) from None


def _plain(want: Want | None) -> Plain:
    """Return the range; the one part of an object is all of it."""
    if not isinstance(want, PartNumber):
        return want
    if want.number != 1:
        raise PartNotFound(want.number)
    return None


def _range(want: Between | From | Last) -> str:
    match want:
        case Between(start, stop):
            return f"bytes={start}-{stop - 1}"
        case From(start):
            return f"bytes={start}-"
        case Last(count):
            return f"bytes=-{count}"


def _size_of_416(answer: Answer) -> int | None:
    _, _, size = answer.headers.get("content-range", "").rpartition("/")
    return int(size) if size.isascii() and size.isdecimal() and len(size) < 19 else None
