"""Restoring from an archive: no object is in one.

Storage classes change nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.headers import named_version
from s3gw.s3.routing import body, operation, path, query
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document
from storage.values import ReadOptions


@document("RestoreRequest")
@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """How long and how fast: it matters only for archives."""

    days: int | None = None
    type: str | None = None
    tier: str | None = None
    description: str | None = None


@operation("POST", Level.OBJECT, marker="restore", access=Access.UPDATE_OBJECT)
class RestoreObject:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)
    restore_request: RestoreRequest | None = body()

    async def run(self, call: Call) -> Reply:
        options = ReadOptions(version=named_version(self.version_id))
        reading = await call.store.head_object(self.bucket, self.key, options)
        message = "Restore is not allowed for the object's current storage class"
        storage_class = reading.info.attributes.storage_class
        raise S3Error(Code.InvalidObjectState, message, StorageClass=storage_class)
