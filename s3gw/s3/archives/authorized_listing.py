"""Archives in listings: only those that the caller may read are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.access import may_read
from s3gw.s3.encryption_headers import customer_key
from s3gw.wire.errors import S3Error
from storage.archives import Contents, format_of_name
from storage.backend import Backend
from storage.cipher import unlocked
from storage.errors import Corrupt, MalformedArchive, NotSupported, ObjectChanged, ObjectNotFound
from storage.values import ObjectInfo

if TYPE_CHECKING:
    from s3gw.s3.call import Call

# `S3Error` is the refusal of a key.
_CLOSED = (Corrupt, MalformedArchive, NotSupported, ObjectChanged, ObjectNotFound, S3Error)


async def look_into(call: Call, store: Backend, bucket: str, info: ObjectInfo) -> Contents | None:
    """Return the contents of an archive in a listing of the store's bucket. None for an object that
    is not an archive in spite of its name, is damaged, is being replaced or needs a key that the
    request does not have; and for one that the caller may not read."""
    kind = format_of_name(info.name)
    if kind is None or not await may_read(call, info.name):
        return None
    unlock = call.objects.encryption.unlock(customer_key(call))
    try:
        await unlocked(info, unlock)
        shard = call.objects.archives.of(store, bucket, info, kind, unlock)
        return await shard.contents()
    except _CLOSED:
        return None
