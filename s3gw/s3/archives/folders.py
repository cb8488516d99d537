"""Archives as folders: `shard.tar/inner` is a key to read.

A bucket's property switches it on. It is such a key only where no object has that very key, and it
is read-only: what is written or deleted under such a name is an object. Members are listed only
below a prefix that reaches into their archive; otherwise a copy of a bucket would copy everything
twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from msgspec import Struct

from s3gw.config.bucket_properties import properties_of
from s3gw.s3.archives.authorized_listing import look_into
from s3gw.s3.call import ArchiveMember, Call
from s3gw.s3.encryption_headers import check_reader, customer_key
from s3gw.wire.subresources import ARCHPATH_HEADER
from storage.archives import Folders, MemberReading, Shard, archives_in
from storage.archives.shard import Part
from storage.conditions import check_read, wanted_part
from storage.errors import (
    BucketNotFound,
    MalformedArchive,
    MemberNotFound,
    NotAnArchive,
    ObjectChanged,
    ObjectNotFound,
)
from storage.values import Condition, ListedPage, ListQuery, ObjectInfo, ReadOptions

_READS = frozenset({"GetObject", "HeadObject"})
# Parameters that mean something other than the member of that name.
_OTHERWISE = ("versionId", "archpath", "archregx", "archmode", "archmime")
_ATTEMPTS = 4
T = TypeVar("T")


async def find_folder(call: Call) -> ArchiveMember | None:
    """Return the member that the key of a read request names; None if it names an object or
    nothing. Nearly all keys show by their text that they lead into no archive."""
    if call.operation not in _READS or not (names := archives_in(call.key)):
        return None
    if ARCHPATH_HEADER in call.headers or any(name in call.query for name in _OTHERWISE):
        return None
    if not await _has_folders(call):
        return None
    for name in (call.key, *names):
        try:
            await call.store.head_object(call.bucket, name)
        except ObjectNotFound:
            continue
        return None if name == call.key else ArchiveMember(name, call.key[len(name) + 1 :])
    return None


async def _has_folders(call: Call) -> bool:
    try:
        bucket = await call.store.head_bucket(call.bucket)
    except BucketNotFound:
        return False
    return properties_of(bucket).archives_as_folders


class Opened(Struct, frozen=True):
    """A member as an object: its archive's info, its own, and its bytes to read, or a range of
    them."""

    archive: ObjectInfo
    info: ObjectInfo
    reading: MemberReading
    is_partial: bool


async def open_in_folder(
    call: Call, folder: ArchiveMember, condition: Condition, part: Part | None, *, head: bool
) -> Opened:
    """Open the member. Raise `MemberNotFound`, and what reading an object does."""
    for attempt in range(_ATTEMPTS):
        try:
            return await _open(call, folder, condition, part, head=head)
        except ObjectChanged:
            if attempt == _ATTEMPTS - 1:
                raise
        except (NotAnArchive, MalformedArchive):
            raise MemberNotFound(call.key) from None
    raise AssertionError


async def _open(
    call: Call, folder: ArchiveMember, condition: Condition, part: Part | None, *, head: bool
) -> Opened:
    unlock = call.objects.encryption.unlock(customer_key(call))
    options = ReadOptions(unlock=unlock, before_stream=call.before_stream)
    archives = call.objects.archives
    shard: Shard = await archives.open(call.store, call.bucket, folder.archive, options)
    check_reader(call, shard.info)
    info = (await shard.contents()).find(folder.inner)
    if info is None:
        raise MemberNotFound(call.key)
    check_read(condition, info)
    read = shard.head if head else shard.open
    part = wanted_part(part, condition, info)
    return Opened(shard.info, info, await read(folder.inner, part), is_partial=part is not None)


async def show_page(call: Call, query: ListQuery, show: Callable[[ListedPage], T]) -> T:
    """Return what `show` makes of the objects that the query selects, and, where its prefix reaches
    into a readable archive that is a folder, of the members."""
    names = archives_in(query.prefix)
    if not names or not properties_of(call.bucket_info).archives_as_folders:
        return await call.store.show_objects(call.bucket, query, show)

    store, bucket = call.store, call.bucket
    folders = Folders(store, bucket, partial(look_into, call, store, bucket))
    return await (await folders.below(query)).show(show)
