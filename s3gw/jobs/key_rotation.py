"""Rewrapping of objects' data keys after a key was rotated.

Only the record in an object's row changes: no byte is read, and times and versions stay. It can run
beside a running server, name by name; each change checks the record again inside its transaction,
so that a concurrent write is never undone. A second run skips what is done already and continues
from there. Unfinished uploads keep their record until they are objects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from s3gw.keys.provider import KeyProvider, UnknownKey
from s3gw.objects.encryption import SSE_C, record_context
from storage.backend import Backend
from storage.errors import Corrupt, ObjectNotFound, VersionNotFound
from storage.values import Attributes, Encryption, ObjectInfo, UpdateOptions, VersionQuery


class Rewrapped(Struct, frozen=True):
    """Objects counted so far. `unreadable` are those whose key the ring does not have."""

    objects: int = 0
    rewrapped: int = 0
    unreadable: tuple[str, ...] = ()


async def rewrap_all(
    store: Backend,
    keys: KeyProvider,
    progress: Callable[[Rewrapped], None] = lambda _: None,
) -> Rewrapped:
    """Rewrap every object's record with the newest version of its key."""
    done = Rewrapped()
    for bucket in await store.list_buckets():
        async for info in _versions(store, bucket.name):
            done = await _one(store, keys, bucket.name, info, done)
            progress(done)
    return done


async def _versions(store: Backend, bucket: str) -> AsyncIterator[ObjectInfo]:
    query = VersionQuery()
    while True:
        page = await store.list_versions(bucket, query)
        for entry in page.versions:
            yield entry.info
        if page.next_after is None:
            return
        query = replace(query, after=page.next_after, after_version=page.next_version)


async def _one(
    store: Backend, keys: KeyProvider, bucket: str, info: ObjectInfo, done: Rewrapped
) -> Rewrapped:
    done = replace(done, objects=done.objects + 1)
    record = info.attributes.encryption
    if record is None or record.scheme == SSE_C:
        return done
    try:
        wrapped = await keys.rewrap(
            record.key_id, record.wrapped, record_context(record.scheme, record.context)
        )
    except (UnknownKey, Corrupt):
        name = f"{bucket}/{info.name}"
        return replace(done, unreadable=(*done.unreadable, name))
    if wrapped == record.wrapped:
        return done
    changed = await _replace(store, bucket, info, record, wrapped)
    return replace(done, rewrapped=done.rewrapped + changed)


async def _replace(
    store: Backend, bucket: str, info: ObjectInfo, record: Encryption, wrapped: bytes
) -> bool:
    newer = msgspec.structs.replace(record, wrapped=wrapped)

    def change(attributes: Attributes) -> Attributes:
        if attributes.encryption != record:
            return attributes
        return msgspec.structs.replace(attributes, encryption=newer)

    try:
        options = UpdateOptions(version=info.version)
        updated = await store.update_object(bucket, info.name, change, options)
    except (ObjectNotFound, VersionNotFound):
        return False
    return updated.attributes.encryption == newer
