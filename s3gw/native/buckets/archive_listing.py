"""Listings that continue into archives: AIStore's flag ARCH_DIR.

The members of `shard.tar` are listed as `shard.tar/inner`, in name order among all other names, so
the last name of a page is where the next page begins, also inside an archive. A name that looks
like an archive's is listed as a plain object if it is not one, or if the caller may not read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Protocol

from s3gw.native.buckets.list_properties import ListFlag
from s3gw.native.call import NativeCall
from s3gw.s3.archives.authorized_listing import look_into
from storage.archives import FolderPage, Folders
from storage.values import ListQuery

_IN_ARCHIVE = 1 << 7
_IS_ARCHIVE = 1 << 9


class Flagged(Protocol):
    """An entry of a listing: its name and its flags."""

    n: str
    f: int


async def list_page(call: NativeCall, query: ListQuery, flags: ListFlag) -> FolderPage:
    if ListFlag.ARCH_DIR not in flags:
        return FolderPage(await call.store.list_objects(call.bucket, query))
    return await Folders(call.store, call.bucket, partial(look_into, call)).every(query)


def mark_archives(entries: Iterable[Flagged], listed: FolderPage) -> None:
    if not (listed.archives or listed.members):
        return
    for entry in entries:
        if entry.n in listed.members:
            entry.f |= _IN_ARCHIVE
        elif entry.n in listed.archives:
            entry.f |= _IS_ARCHIVE
