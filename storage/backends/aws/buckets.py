"""Buckets of an S3 endpoint.

Their owners are accounts of S3, so `owner` is empty: whoever has the credentials. A HEAD does not
say when a bucket was made, and a listing says nothing else beside the name; what is unknown is 0 or
empty. Settings are documents of ours: S3's buckets have their own, which are not read.
"""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from storage.backend import BucketChange
from storage.backends.aws.facts import answered_ns, ns_of
from storage.backends.aws.place import PROVIDER, Place
from storage.backends.aws.remote import Remote
from storage.errors import (
    BackendDenied,
    BackendError,
    BucketExists,
    BucketNotFound,
    NotSupported,
)
from storage.values import BucketInfo, BucketOptions, Versioning

# The region that S3 calls by no name.
_DEFAULT_REGION = "us-east-1"
_NO_TAGS = "NoSuchTagSet"


class Buckets:
    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        """What cannot be said when it is made follows; if that fails, the bucket goes again."""
        if options.settings:
            raise NotSupported("settings of buckets", PROVIDER)
        await self._require_free(name)
        place = Place(name)
        location = options.location or self._remote.options.region
        params: dict[str, Any] = {}
        if location not in ("", _DEFAULT_REGION):
            params["CreateBucketConfiguration"] = {"LocationConstraint": location}
        async with self._remote.client(place) as s3:
            answer: Any = await s3.create_bucket(Bucket=name, **params)
        made = BucketInfo(name, "", answered_ns(answer), options.location)
        wanted = replace(made, versioning=options.versioning, tags=dict(options.tags))
        try:
            await self._apply(made, wanted)
        except BaseException:
            await self.delete_bucket(name)
            raise
        return wanted

    async def _require_free(self, name: str) -> None:
        """In its first region, S3 answers who makes a bucket twice as if it was new."""
        try:
            await self.head_bucket(name)
        except BucketNotFound:
            return
        except BackendDenied:
            pass
        raise BucketExists(name, "")

    async def head_bucket(self, name: str) -> BucketInfo:
        """Versioning and tags are as they may be read: many who may read objects may not ask."""
        bare = await self._bare(name)
        versioning, tags = await asyncio.gather(
            self._versioning(name), self._tags(name), return_exceptions=True
        )
        for fact in (versioning, tags):
            if isinstance(fact, BaseException) and not _is_withheld(fact):
                raise fact
        if isinstance(versioning, Versioning):
            bare = replace(bare, versioning=versioning)
        if isinstance(tags, dict):
            bare = replace(bare, tags=tags)
        return bare

    async def _bare(self, name: str) -> BucketInfo:
        async with self._remote.client(Place(name)) as s3:
            answer: Any = await s3.head_bucket(Bucket=name)
        region = answer.get("BucketRegion", "")
        return BucketInfo(name, "", 0, "" if region == _DEFAULT_REGION else region)

    async def _versioning(self, name: str) -> Versioning:
        async with self._remote.client(Place(name)) as s3:
            answer: Any = await s3.get_bucket_versioning(Bucket=name)
        return Versioning(answer.get("Status", ""))

    async def _tags(self, name: str) -> dict[str, str]:
        try:
            async with self._remote.client(Place(name)) as s3:
                answer: Any = await s3.get_bucket_tagging(Bucket=name)
        except BackendError as error:
            if error.code == _NO_TAGS:
                return {}
            raise
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        """Versioning and tags can change, one after the other."""
        bare = await self._bare(name)
        old = replace(bare, versioning=await self._versioning(name), tags=await self._tags(name))
        new = change(old)
        if new.settings != old.settings:
            raise NotSupported("settings of buckets", PROVIDER)
        if new.versioning is Versioning.NEVER and new.versioning is not old.versioning:
            raise NotSupported("a bucket that kept versions and never did", PROVIDER)
        await self._apply(old, new)
        return replace(old, versioning=new.versioning, tags=new.tags)

    async def _apply(self, old: BucketInfo, new: BucketInfo) -> None:
        async with self._remote.client(Place(new.name)) as s3:
            if new.versioning is not old.versioning:
                status: Any = {"Status": new.versioning.value}
                await s3.put_bucket_versioning(Bucket=new.name, VersioningConfiguration=status)
            if new.tags == old.tags:
                return
            if new.tags:
                tags: Any = [{"Key": key, "Value": value} for key, value in new.tags.items()]
                await s3.put_bucket_tagging(Bucket=new.name, Tagging={"TagSet": tags})
            else:
                await s3.delete_bucket_tagging(Bucket=new.name)

    async def delete_bucket(self, name: str) -> None:
        async with self._remote.client(Place(name)) as s3:
            await s3.delete_bucket(Bucket=name)

    async def list_buckets(self) -> list[BucketInfo]:
        found: list[BucketInfo] = []
        onward: dict[str, Any] = {}
        while True:
            async with self._remote.client(Place()) as s3:
                answer: Any = await s3.list_buckets(**onward)
            found += [_listed(row) for row in answer.get("Buckets", ())]
            if not (token := answer.get("ContinuationToken")):
                return sorted(found, key=lambda info: info.name)
            onward = {"ContinuationToken": token}


def _listed(row: dict[str, Any]) -> BucketInfo:
    region = row.get("BucketRegion", "")
    location = "" if region == _DEFAULT_REGION else region
    return BucketInfo(row["Name"], "", ns_of(row.get("CreationDate")), location)


def _is_withheld(error: BaseException) -> bool:
    return isinstance(error, BackendDenied | NotSupported)
