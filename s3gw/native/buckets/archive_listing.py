"""Listings that continue into archives: AIStore's flag ARCH_DIR.

The members of `shard.tar` are listed as `shard.tar/inner`, in name order among all other names, so
the last name of a page is where the next page begins, also inside an archive. A name that looks
like an archive's is listed as a plain object if it is not one, or if the caller may not read it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct

from s3gw.native.buckets.list_properties import ListFlag
from s3gw.native.call import NativeCall
from s3gw.s3.archives.authorized_listing import look_into
from storage.archives import Folders
from storage.values import ListedPage, ListQuery

_IN_ARCHIVE = 1 << 7
_IS_ARCHIVE = 1 << 9


T = TypeVar("T")


class Marks(Struct, frozen=True):
    """The names on a page that are archives with members after them, and those that are members."""

    archives: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()

    def flags(self, names: Sequence[str]) -> list[int]:
        return [self._flag(name) for name in names]

    def _flag(self, name: str) -> int:
        if name in self.members:
            return _IN_ARCHIVE
        return _IS_ARCHIVE if name in self.archives else 0


NO_MARKS = Marks()


async def show_page(
    call: NativeCall, query: ListQuery, flags: ListFlag, show: Callable[[ListedPage, Marks], T]
) -> T:
    """Return what `show` makes of the page."""
    if call.is_outside and ListFlag.CACHED not in flags:
        page = ListedPage.of(await call.native.tier.list_there(call.bucket_info, query))
        return await asyncio.to_thread(show, page, NO_MARKS)
    store, bucket = call.store, call.bucket
    if ListFlag.CACHED in flags:
        store, bucket = call.native.tier.local, call.bucket_info.name
    if ListFlag.ARCH_DIR not in flags:
        return await store.show_objects(bucket, query, lambda page: show(page, NO_MARKS))
    # A store knows the versions that it lists.
    found = await Folders(store, bucket, partial(look_into, call, store, bucket)).every(query)
    marks = Marks(found.archives, found.members)
    return await found.show(lambda page: show(page, marks))
