"""Handles of queries: what was asked, and how far it was answered.

    /queries/<handle>       one query, by whichever worker was asked last

Every worker, of every machine of a cluster, continues a query from here. A step compares what it
began from when it writes, so of two at once one begins again, and no object is given out twice.
"""

from __future__ import annotations

import secrets
import string

import msgspec
from msgspec import Struct

from cluster.coordination import Coordination, Delete, Entry, Put, Unchanged
from storage.clock import NS_PER_S, Clock, SystemClock

# As in AIStore.
EXPIRY_S = 600
MOST_OPEN = 1000
_ROOT = "/queries/"
_FEW = 100
_ID_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 12
_CLOCK = SystemClock()


class FilterMessage(Struct, frozen=True):
    """AIStore's document: a function with arguments, or `AND` and `OR` of inner filters."""

    type: str = ""
    filter_name: str = ""
    args: list[str] | None = None
    inner_filters: list[FilterMessage] | None = None


class Query(Struct, frozen=True, kw_only=True):
    """`bucket` is the store's name, `identity` the caller who began it. The names are those of the
    `template`, or with the `prefix`, after `after`. `used_ns` is when it was last continued;
    `is_over`: there are no more."""

    bucket: str
    identity: str
    prefix: str = ""
    template: str = ""
    props: str = ""
    time_format: str = ""
    filter: FilterMessage | None = None
    workers: int = 0
    after: str = ""
    is_over: bool = False
    used_ns: int = 0


class Found(Struct, frozen=True):
    """A query, and the revision that wrote it."""

    handle: str
    query: Query
    revision: int


class TooManyQueries(Exception):
    """Too many queries were begun, and neither ended nor expired."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Query).decode


class QueryHandles:
    def __init__(self, coordination: Coordination, clock: Clock = _CLOCK) -> None:
        self._coordination = coordination
        self._clock = clock

    async def begin(self, query: Query) -> str:
        """Return a new handle. Expired ones are removed. Raises `TooManyQueries`."""
        entries, _ = await self._coordination.range(_ROOT)
        expired = [Delete(each.key) for each in entries if self._has_expired(each)]
        for at in range(0, len(expired), _FEW):
            await self._coordination.transact([], expired[at : at + _FEW])
        if len(entries) - len(expired) >= MOST_OPEN:
            raise TooManyQueries(f"{MOST_OPEN} queries are open")
        handle = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
        await self._coordination.transact([], [self._put(handle, query)])
        return handle

    async def find(self, handle: str) -> Found | None:
        """Return the query; None for an unknown handle, and for an expired one."""
        found = await self._look(handle)
        if found is None:
            # It may be from another machine, a moment ago.
            await self._coordination.catch_up()
            found = await self._look(handle)
        return found

    async def advance(self, found: Found, after: str, *, is_over: bool) -> bool:
        """Write down how far it was answered; False if another request was faster."""
        query = msgspec.structs.replace(found.query, after=after, is_over=is_over)
        unchanged = [Unchanged(_ROOT + found.handle, found.revision)]
        done = await self._coordination.transact(unchanged, [self._put(found.handle, query)])
        if done is None:
            await self._coordination.catch_up()
        return done is not None

    async def _look(self, handle: str) -> Found | None:
        key = _ROOT + handle
        entries, _ = await self._coordination.range(key)
        for each in entries:
            if each.key == key and not self._has_expired(each):
                return Found(handle, _decode(each.value), each.mod_revision)
        return None

    def _put(self, handle: str, query: Query) -> Put:
        used = msgspec.structs.replace(query, used_ns=self._clock.now_ns())
        return Put(_ROOT + handle, _encode(used))

    def _has_expired(self, entry: Entry) -> bool:
        used_ns = _decode(entry.value).used_ns
        return self._clock.now_ns() - used_ns > EXPIRY_S * NS_PER_S
