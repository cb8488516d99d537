"""Listings of remote buckets: the backend's page, with what is here marked in it.

An object that is here has its `origin` in its attributes, as everywhere. All else that a page says
of an object is what the backend says now, except what only the local store knows: its checksum and
its chunks, if it is still the same object. Of a source without listings, what is here is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import msgspec

from storage.backend import Backend
from storage.tier.remote import Remote, origin_of
from storage.values import ListQuery, ObjectInfo, Page


async def joined_page(local: Backend, remote: Remote, query: ListQuery) -> Page:
    if remote.source is not None:
        return await local.list_objects(remote.bucket.name, query)
    page = await remote.backend.list_objects(remote.name, query)
    here = await _here(local, remote.bucket.name, query, page)
    objects = tuple(_joined(info, here.get(info.name)) for info in page.objects)
    return msgspec.structs.replace(page, objects=objects)


async def _here(
    local: Backend, bucket: str, query: ListQuery, page: Page
) -> Mapping[str, ObjectInfo]:
    """Return the objects that are here, of those between the page's first name and its last."""
    if not page.objects:
        return {}
    last = max(page.objects[-1].name, *page.common_prefixes[-1:])
    found: dict[str, ObjectInfo] = {}
    after = query.after
    for _ in count():
        part = await local.list_objects(bucket, msgspec.structs.replace(query, after=after))
        found |= {info.name: info for info in part.objects}
        if part.next_after is None or part.next_after.encode() >= last.encode():
            break
        after = part.next_after
    return found


def _joined(there: ObjectInfo, here: ObjectInfo | None) -> ObjectInfo:
    if here is None:
        return there
    origin = here.attributes.origin
    attributes = msgspec.structs.replace(there.attributes, origin=origin)
    if origin is None or origin.etag != origin_of(there).etag:
        return msgspec.structs.replace(there, attributes=attributes)
    attributes = msgspec.structs.replace(attributes, custom=here.attributes.custom)
    return msgspec.structs.replace(
        there,
        attributes=attributes,
        checksum=here.checksum,
        chunks=here.chunks,
        largest_chunk=here.largest_chunk,
    )
