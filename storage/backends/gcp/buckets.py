"""Buckets of a project.

They belong to the project, so `owner` is empty. Tags are labels of Cloud Storage, whose keys and
values are in lower case. Its versioning is not S3's: there are no delete markers, so that it is
neither shown nor changed here. It has no place for settings, which are documents of ours.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from storage.backend import BucketChange
from storage.backends.gcp.facts import bucket_path, ns_of
from storage.backends.gcp.paging import MOST_ROWS
from storage.backends.gcp.place import PROVIDER, Place
from storage.backends.gcp.remote import Remote, as_json
from storage.errors import BackendDenied, NotSupported, ObjectChanged, PreconditionFailed
from storage.values import BucketInfo, BucketOptions, Versioning

# The location of a new bucket that names none.
_DEFAULT_LOCATION = "us"
_JSON = {"content-type": "application/json; charset=UTF-8"}
_MOST_LOOKS = 3


class _Bucket(Struct, frozen=True, rename="camel"):
    name: str
    time_created: str = ""
    location: str = ""
    labels: dict[str, str] = {}
    metageneration: int = 0

    @property
    def info(self) -> BucketInfo:
        location = self.location.lower()
        shown = "" if location == _DEFAULT_LOCATION else location
        return BucketInfo(self.name, "", ns_of(self.time_created), shown, dict(self.labels))


_FIELDS = ",".join(_Bucket.__struct_encode_fields__)


class _Listed(Struct, frozen=True, rename="camel"):
    items: list[_Bucket] = []
    next_page_token: str = ""


class Buckets:
    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def create_bucket(self, name: str, options: BucketOptions) -> BucketInfo:
        _check(options.versioning, options.settings)
        wanted: dict[str, Any] = {"name": name}
        if options.location:
            wanted["location"] = options.location
        if options.tags:
            wanted["labels"] = dict(options.tags)
        params = {"project": await self._remote.project(), "fields": _FIELDS}
        made = await self._remote.ask(
            _Bucket,
            Place(name),
            "POST",
            "/storage/v1/b",
            params=params,
            headers=_JSON,
            body=as_json(wanted),
            # The second of two attempts would find the bucket of the first.
            repeats=False,
        )
        return made.info

    async def head_bucket(self, name: str) -> BucketInfo:
        """Many who may list its objects may not look at a bucket: nothing is known of it then."""
        try:
            return (await self._look(name)).info
        except BackendDenied as denied:
            path, params = f"{bucket_path(name)}/o", {"maxResults": "1", "fields": "kind"}
            try:
                await self._remote.call(Place(name), "GET", path, params=params)
            except BackendDenied:
                raise denied from None
            return BucketInfo(name, "", 0)

    async def update_bucket(self, name: str, change: BucketChange) -> BucketInfo:
        """Only tags can change."""
        for _ in range(_MOST_LOOKS):
            old = await self._look(name)
            new = change(old.info)
            _check(new.versioning, new.settings)
            if new.tags == old.labels:
                return old.info
            gone = {key: None for key in old.labels if key not in new.tags}
            try:
                await self._patch(old, {"labels": {**gone, **new.tags}})
            except PreconditionFailed:
                continue
            return replace(old.info, tags=new.tags)
        raise ObjectChanged(str(Place(name)))

    async def delete_bucket(self, name: str) -> None:
        await self._remote.call(Place(name), "DELETE", bucket_path(name), repeats=False)

    async def list_buckets(self) -> list[BucketInfo]:
        found: list[BucketInfo] = []
        params = {
            "project": await self._remote.project(),
            "fields": f"nextPageToken,items({_FIELDS})",
            "maxResults": str(MOST_ROWS),
        }
        while True:
            page = await self._remote.ask(_Listed, Place(), "GET", "/storage/v1/b", params=params)
            found += [each.info for each in page.items]
            if not page.next_page_token:
                return sorted(found, key=lambda info: info.name)
            params["pageToken"] = page.next_page_token

    async def _look(self, name: str) -> _Bucket:
        params = {"fields": _FIELDS}
        return await self._remote.ask(_Bucket, Place(name), "GET", bucket_path(name), params=params)

    async def _patch(self, old: _Bucket, patch: dict[str, Any]) -> None:
        await self._remote.call(
            Place(old.name),
            "PATCH",
            bucket_path(old.name),
            params={"ifMetagenerationMatch": str(old.metageneration), "fields": _FIELDS},
            headers=_JSON,
            body=as_json(patch),
            repeats=False,
        )


def _check(versioning: Versioning, settings: object) -> None:
    if settings:
        raise NotSupported("settings of buckets", PROVIDER)
    if versioning is not Versioning.NEVER:
        raise NotSupported("versioning as S3 has it", PROVIDER)
