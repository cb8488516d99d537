"""Deleting objects, one or a thousand."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access, may_delete
from s3gw.errors import Code, S3Error, as_s3_error
from s3gw.headers import read_write_condition, unquoted
from s3gw.message import MAX_KEY, Call, Level
from s3gw.operation import body, operation, path, query
from s3gw.reply import Reply, xml_reply
from s3gw.versions import NULL_VERSION, check_version
from s3gw.xmldoc import document, named
from storage.errors import StorageError
from storage.values import ALWAYS, Condition, DeleteRequest

MAX_DELETES = 1000
# Conditions that AWS knows for directory buckets only.
_DIRECTORY_ONLY = ("x-amz-if-match-last-modified-time", "x-amz-if-match-size")


@operation("DELETE", Level.OBJECT, access=Access.DELETE_OBJECT)
class DeleteObject:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        check_version(self.version_id)
        for name in _DIRECTORY_ONLY:
            if name in call.headers:
                raise S3Error(Code.NotImplemented, Header=name)
        condition = read_write_condition(call.headers)
        await call.store.delete_object(self.bucket, DeleteRequest(self.key, condition))
        return Reply(204)


@dataclass(frozen=True, slots=True)
class ObjectIdentifier:
    key: str
    version_id: str | None = None
    etag: str | None = None
    last_modified_time: str | None = None
    size: int | None = None


@document("Delete")
@dataclass(frozen=True, slots=True)
class Delete:
    objects: tuple[ObjectIdentifier, ...] = named("Object")
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class DeletedObject:
    key: str
    version_id: str | None


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
        refused = {at: error for at, one in enumerate(wanted) if (error := _refusal(one))}
        for at, one in enumerate(wanted):
            if at not in refused and not await may_delete(call, one.key, one.version_id):
                refused[at] = S3Error(Code.AccessDenied)
        asked = [(at, one) for at, one in enumerate(wanted) if at not in refused]
        requests = [DeleteRequest(one.key, _condition(one)) for _, one in asked]
        outcomes = await call.store.delete_objects(self.bucket, requests)
        failed = refused | {
            at: outcome
            for (at, _), outcome in zip(asked, outcomes, strict=True)
            if isinstance(outcome, StorageError)
        }
        return xml_reply(self._result(failed))

    def _result(self, failed: dict[int, S3Error | StorageError]) -> DeleteResult:
        deleted = tuple(
            DeletedObject(one.key, one.version_id or None)
            for at, one in enumerate(self.delete.objects)
            if at not in failed and not self.delete.quiet
        )
        errors = (
            (self.delete.objects[at], as_s3_error(error)) for at, error in sorted(failed.items())
        )
        return DeleteResult(
            deleted,
            tuple(Error(one.key, one.version_id, e.code.name, e.message) for one, e in errors),
        )


def _refusal(one: ObjectIdentifier) -> S3Error | None:
    """Why one of the entries cannot even be tried."""
    if one.version_id not in (None, "", NULL_VERSION):
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
