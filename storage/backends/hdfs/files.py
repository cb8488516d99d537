"""Files and folders of HDFS by their paths: facts, names, attributes, deletion.

Each method is one request to a namenode.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from storage.backends.hdfs.facts import NOTHING_KEPT, XATTR, FileStatus, Kept, XAttrs, encoded
from storage.backends.hdfs.foreign_errors import BelowFile
from storage.backends.hdfs.place import Place
from storage.backends.hdfs.service import Request, Service
from storage.errors import (
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
)

# In the sentence of a namenode where extended attributes are switched off.
_SWITCHED_OFF = "dfs.namenode.xattrs.enabled"


class _Status(Struct, frozen=True):
    status: FileStatus = msgspec.field(name="FileStatus")


class _Done(Struct, frozen=True):
    boolean: bool


class _Statuses(Struct, frozen=True):
    statuses: list[FileStatus] = msgspec.field(name="FileStatus", default_factory=list)


class _PartialListing(Struct, frozen=True):
    statuses: _Statuses = msgspec.field(name="FileStatuses")


class _DirectoryListing(Struct, frozen=True):
    partial: _PartialListing = msgspec.field(name="partialListing")
    remaining: int = msgspec.field(name="remainingEntries", default=0)


class _Listing(Struct, frozen=True):
    listing: _DirectoryListing = msgspec.field(name="DirectoryListing")


class Batch(Struct, frozen=True):
    """Some entries of a folder, in HDFS' order; with `more` others follow."""

    entries: list[FileStatus]
    more: bool


class Files:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def status(self, place: Place) -> FileStatus | None:
        """Return what is at the path, None for nothing."""
        try:
            return await self.look(place)
        except BelowFile:
            return None

    async def look(self, place: Place) -> FileStatus | None:
        """Return the same. Raise `BelowFile` where nothing can be."""
        try:
            answer = await self._service.ask(_Status, place, Request("GET", "GETFILESTATUS"))
        except (ObjectNotFound, BucketNotFound):
            return None
        return answer.status

    async def require_bucket(self, place: Place) -> None:
        """Raise `BucketNotFound` unless the folder of the bucket is there."""
        found = await self.status(Place(place.bucket, place.folder))
        if found is None or not found.is_folder:
            raise BucketNotFound(place.bucket)

    async def batch(self, place: Place, start_after: str) -> Batch:
        """Return the entries of a folder after that name; none of what is not a folder."""
        query = {"startAfter": start_after} if start_after else {}
        try:
            answer = await self._service.ask(
                _Listing, place, Request("GET", "LISTSTATUS_BATCH", query)
            )
        except (ObjectNotFound, BucketNotFound):
            return Batch([], more=False)
        found = answer.listing.partial.statuses.statuses
        # Of a file the only entry is itself, without a name.
        entries = [each for each in found if each.path_suffix]
        return Batch(entries, more=answer.listing.remaining > 0 and bool(entries))

    async def kept(self, place: Place) -> Kept:
        """Return our document about a file; nothing where there are no extended attributes."""
        request = Request("GET", "GETXATTRS", {"encoding": "base64"})
        try:
            return (await self._service.ask(XAttrs, place, request)).kept()
        except (BackendDenied, BackendUnavailable):
            raise
        except (BackendError, NotSupported) as error:
            if isinstance(error, NotSupported) or _SWITCHED_OFF in str(error):
                return NOTHING_KEPT
            raise

    async def keep(self, place: Place, kept: Kept) -> None:
        """Raise `NotSupported` where there are no extended attributes."""
        query = {"xattr.name": XATTR, "xattr.value": encoded(kept), "flag": "CREATE,REPLACE"}
        try:
            await self._service.send(place, Request("PUT", "SETXATTR", query))
        except BackendError as error:
            if _SWITCHED_OFF in str(error):
                reason = f"{place}, where HDFS has no extended attributes"
                raise NotSupported("metadata of objects", reason) from None
            raise

    async def set_time(self, place: Place, modified_ms: int) -> None:
        query = {"modificationtime": str(modified_ms), "accesstime": "-1"}
        await self._service.send(place, Request("PUT", "SETTIMES", query))

    async def make_folder(self, place: Place) -> None:
        await self._service.send(place, Request("PUT", "MKDIRS"))

    async def delete(self, place: Place) -> bool:
        """Delete a file or an empty folder; return False if there was none. Raise `NotEmpty`."""
        request = Request("DELETE", "DELETE", {"recursive": "false"})
        try:
            return (await self._service.ask(_Done, place, request)).boolean
        except (ObjectNotFound, BucketNotFound):
            return False

    async def delete_empty_folders(self, place: Place) -> None:
        """Delete the folders above an object that are empty, below the bucket's. Others may not be
        ours to delete: that is not a failure."""
        above, slash, _ = place.name.rpartition("/")
        while slash:
            try:
                if not await self.delete(Place(place.bucket, place.folder, above)):
                    return
            except (BackendError, NotSupported):
                return
            above, slash, _ = above.rpartition("/")

    async def rename(self, source: Place, target: Place, *, overwrites: bool) -> bool | None:
        """Give a file another name in one step. Return None when it was done so; HttpFS does not
        know the option, and says whether it has renamed. Raise `AlreadyThere`."""
        option = "OVERWRITE" if overwrites else "NONE"
        query = {"destination": target.path, "renameoptions": option}
        body = await self._service.send(source, Request("PUT", "RENAME", query, once=True))
        if not body:
            return None
        try:
            return msgspec.json.decode(body, type=_Done).boolean
        except msgspec.DecodeError:
            reason = "it is not what WebHDFS answers"
            raise BackendError(str(target), "InvalidResponse", reason) from None
