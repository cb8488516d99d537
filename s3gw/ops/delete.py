"""Deleting objects, one or a thousand."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access, may_delete, may_read
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import MAX_KEY, Level
from s3gw.s3.call import Call
from s3gw.s3.headers import (
    VERSION_ID,
    is_version_id,
    named_version,
    read_delete_condition,
    unquoted,
)
from s3gw.s3.lock_headers import bypasses_governance, check_bypass
from s3gw.s3.routing import body, operation, path, query
from s3gw.wire.errors import Code, S3Error, as_s3_error
from s3gw.wire.xmldoc import document, named
from storage.errors import StorageError
from storage.pacing import paced
from storage.values import ALWAYS, BucketInfo, Condition, DeleteRequest, Deletion, Versioning

MAX_DELETES = 1000
# Conditions that AWS knows for directory buckets only.
_DIRECTORY_ONLY = ("x-amz-if-match-last-modified-time", "x-amz-if-match-size")


@operation("DELETE", Level.OBJECT, access=Access.DELETE_OBJECT)
class DeleteObject:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        for name in _DIRECTORY_ONLY:
            if name in call.headers:
                raise S3Error(Code.NotImplemented, Header=name)
        check_bypass(call.headers, call.bucket_info)
        condition = read_delete_condition(call.headers)
        request = DeleteRequest(
            self.key,
            condition,
            named_version(self.version_id),
            bypasses_governance(call.headers),
        )
        deletion = await call.objects.delete(call.context, call.bucket_info, request)
        return Reply(204, _headers(call.bucket_info, deletion))


def _headers(bucket: BucketInfo, deletion: Deletion) -> dict[str, str]:
    if bucket.versioning is Versioning.NEVER:
        return {}
    headers = {VERSION_ID: deletion.version}
    if deletion.delete_marker:
        headers["x-amz-delete-marker"] = "true"
    return headers


@dataclass(frozen=True, slots=True)
class ObjectIdentifier:
    key: str
    version_id: str | None = None
    etag: str | None = None
    last_modified_time: str | None = None
    size: int | None = None


@document("Delete", elements=10_000)
@dataclass(frozen=True, slots=True)
class Delete:
    objects: tuple[ObjectIdentifier, ...] = named("Object")
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """`version_id` is the requested version; the marker's is that of a delete marker that was added
    or removed."""

    key: str
    version_id: str | None
    delete_marker: bool | None
    delete_marker_version_id: str | None


@dataclass(frozen=True, slots=True)
class Error:
    key: str
    version_id: str | None
    code: str
    message: str


@document("DeleteResult")
@dataclass(frozen=True, slots=True)
class DeleteResult:
    deleted: tuple[DeletedObject, ...]
    errors: tuple[Error, ...] = named("Error")


@operation("POST", Level.BUCKET, marker="delete", access=Access.DELETE_OBJECT)
class DeleteObjects:
    bucket: str = path("Bucket")
    delete: Delete = body()

    async def run(self, call: Call) -> Reply:
        wanted = self.delete.objects
        if not 0 < len(wanted) <= MAX_DELETES:
            raise S3Error(Code.MalformedXML)
        # Tools that empty any bucket, version for version, send the header for those that lock.
        if not all(one.version_id for one in wanted):
            check_bypass(call.headers, call.bucket_info)
        refused = {at: error for at, one in enumerate(wanted) if (error := _refusal(one))}
        async for at, one in paced(enumerate(wanted)):
            if at not in refused and not await _may_delete(call, one):
                refused[at] = S3Error(Code.AccessDenied)
        asked = [(at, one) for at, one in enumerate(wanted) if at not in refused]
        bypass = bypasses_governance(call.headers)
        requests = [
            DeleteRequest(one.key, _condition(one), one.version_id, bypass) for _, one in asked
        ]
        done = await call.objects.delete_many(call.context, call.bucket_info, requests)
        outcomes: dict[int, Deletion | StorageError | S3Error] = {
            at: outcome for (at, _), outcome in zip(asked, done, strict=True)
        }
        return xml_reply(self._result(outcomes | refused))

    def _result(self, outcomes: dict[int, Deletion | StorageError | S3Error]) -> DeleteResult:
        deleted, errors = [], []
        for at, one in enumerate(self.delete.objects):
            outcome = outcomes[at]
            if not isinstance(outcome, Deletion):
                error = as_s3_error(outcome)
                errors.append(Error(one.key, one.version_id, error.code.name, error.message))
            elif not self.delete.quiet:
                deleted.append(_deleted(one, outcome))
        return DeleteResult(tuple(deleted), tuple(errors))


async def _may_delete(call: Call, one: ObjectIdentifier) -> bool:
    """Whether the caller may; an ETag in the entry is a question about the object."""
    may = await may_delete(call, one.key, one.version_id)
    return may and (one.etag is None or await may_read(call, one.key))


def _deleted(one: ObjectIdentifier, deletion: Deletion) -> DeletedObject:
    marker = deletion.version if deletion.delete_marker else None
    return DeletedObject(one.key, one.version_id, deletion.delete_marker or None, marker)


def _refusal(one: ObjectIdentifier) -> S3Error | None:
    """Return why one of the entries cannot even be tried."""
    if one.version_id == "":
        return S3Error(Code.InvalidArgument, "Version id cannot be the empty string")
    if one.version_id is not None and not is_version_id(one.version_id):
        return S3Error(Code.NoSuchVersion)
    if one.size is not None or one.last_modified_time is not None:
        return S3Error(Code.NotImplemented)
    if not one.key:
        return S3Error(Code.InvalidArgument, "The key must not be empty.")
    if len(one.key.encode()) > MAX_KEY:
        return S3Error(Code.KeyTooLongError)
    return None


def _condition(one: ObjectIdentifier) -> Condition:
    return Condition(if_match=(unquoted(one.etag),)) if one.etag else ALWAYS
