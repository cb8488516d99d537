"""Another name for an object, in one step and without moving a byte; either API can ask for it.

In a bucket with versioning the version goes to the new name, and a delete marker takes its place.
"""

from __future__ import annotations

from s3gw.access import Access, authorize_key
from s3gw.events.events import EventName, created, removed
from s3gw.http.request import Call
from storage.values import DeleteRequest, Deletion, ObjectInfo, RenameOptions


async def rename(call: Call, source: str, name: str, options: RenameOptions) -> ObjectInfo:
    """The caller, who may write `name` in the call's bucket, must be allowed to read and to delete
    the source. Raises as `authorize_key` and `Backend.rename_object`."""
    await authorize_key(call, "GetObject", source, Access.MOVE_OBJECT)
    await authorize_key(call, "DeleteObject", source, Access.MOVE_OBJECT)
    info = await call.store.rename_object(call.bucket, source, name, options)
    gone = DeleteRequest(source), Deletion(existed=True)
    await call.announce(created(EventName.CREATED_COPY, info), removed(*gone))
    return info
