"""Folders as buckets.

They belong to HDFS, so `owner` is empty; HDFS does not keep when a folder was made; a bucket has no
tags, location and settings there. Of the folders below the root those are listed that have the name
of a bucket, and others are buckets by their path only.
"""

from __future__ import annotations

from storage.backend import BucketChange
from storage.backends.hdfs.files import Files
from storage.backends.hdfs.foreign_errors import NotEmpty
from storage.backends.hdfs.options import HdfsOptions
from storage.backends.hdfs.place import PROVIDER, Place, can_be_bucket, place_of
from storage.errors import BucketExists, BucketNotEmpty, BucketNotFound, NotSupported
from storage.values import BucketInfo, BucketOptions, Versioning


class Buckets:
    def __init__(self, options: HdfsOptions, files: Files) -> None:
        self._options = options
        self._files = files

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        """HDFS makes a folder that is there already again, so two who create one at once may both
        have made it."""
        if options.settings or options.tags or options.location:
            raise NotSupported("settings of buckets", PROVIDER)
        if options.versioning is not Versioning.NEVER:
            raise NotSupported("versioning", PROVIDER)
        place = self._place(name)
        if await self._files.status(place) is not None:
            raise BucketExists(name, "")
        await self._files.make_folder(place)
        return BucketInfo(name, "", 0)

    async def head_bucket(self, name: str) -> BucketInfo:
        await self._files.require_bucket(self._place(name))
        return BucketInfo(name, "", 0)

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        old = await self.head_bucket(name)
        if change(old) != old:
            raise NotSupported("update_bucket", PROVIDER)
        return old

    async def delete_bucket(self, name: str) -> None:
        """A folder with an empty folder in it, or with a file that is being written, is not empty
        either."""
        place = self._place(name)
        await self._files.require_bucket(place)
        try:
            if not await self._files.delete(place):
                raise BucketNotFound(name)
        except NotEmpty:
            raise BucketNotEmpty(name) from None

    async def list_buckets(self) -> list[BucketInfo]:
        if not self._options.root:
            return []
        root = Place("", self._options.root.rstrip("/"))
        found: list[str] = []
        after, more = "", True
        while more:
            batch = await self._files.batch(root, after)
            found += [
                each.path_suffix
                for each in batch.entries
                if each.is_folder and can_be_bucket(each.path_suffix)
            ]
            more = batch.more
            after = batch.entries[-1].path_suffix if batch.entries else ""
        return [BucketInfo(name, "", 0) for name in sorted(found)]

    def _place(self, name: str) -> Place:
        return place_of(self._options.root, name)
