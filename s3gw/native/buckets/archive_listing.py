"""Listings that go on into archives: AIStore's flag ARCH_DIR.

The members of `shard.tar` are `shard.tar/inner`. They stand where these names belong among all
others, so the last name of a page tells where the next one begins, inside of an archive too. What
is named as an archive and is none, or may not be read by who lists, is an object as any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Protocol

from s3gw.native.buckets.list_message import ListFlag
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
