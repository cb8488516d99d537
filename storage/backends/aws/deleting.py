"""Deleting objects, one or a thousand in a request.

S3 does not say whether there was something to delete: `Deletion.existed` is then true. It keeps no
promise about what a version is `still`, so that such requests are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from storage.backends.aws.facts import quoted
from storage.backends.aws.guarding import current_object, use_of
from storage.backends.aws.place import PROVIDER, Place
from storage.backends.aws.reading import ObjectReader
from storage.backends.aws.remote import Remote
from storage.backends.deleting import Outcome
from storage.conditions import check_write
from storage.errors import BucketNotFound, NotSupported, ObjectNotFound, StorageError
from storage.values import ALWAYS, NULL_VERSION, Condition, DeleteRequest, Deletion

_MOST_AT_ONCE = 1000
# XML has no way to write them.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


# Whether governance is bypassed is said once for all objects of a request.
Places = list[tuple[int, DeleteRequest]]


class ObjectDeleter:
    def __init__(self, remote: Remote, reader: ObjectReader) -> None:
        self._remote = remote
        self._reader = reader

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        place = Place(bucket, request.name, request.version)
        params: dict[str, Any] = {"Bucket": bucket, "Key": request.name}
        if request.still is not None:
            raise NotSupported("deleting a version by what it still is", PROVIDER)
        if request.version is not None:
            params["VersionId"] = request.version
        if request.bypass_governance:
            params["BypassGovernanceRetention"] = True
        if request.condition != ALWAYS:
            params |= await self._guard(place, request.condition)
        async with self._remote.client(place, use_of(params)) as s3:
            answer: Any = await s3.delete_object(**params)
        version = answer.get("VersionId") or request.version or NULL_VERSION
        return Deletion(True, version, bool(answer.get("DeleteMarker")))

    async def _guard(self, place: Place, condition: Condition) -> dict[str, str]:
        """A version stays what it is; the current one could be another by now."""
        current = await current_object(self._reader, place)
        if current is None:
            raise ObjectNotFound(place.name)
        check_write(condition, place.name, current)
        return {} if place.version is not None else {"IfMatch": quoted(current.etag)}

    async def delete_objects(self, bucket: str, requests: Sequence[DeleteRequest]) -> list[Outcome]:
        """Requests with a condition go one by one: S3's batches have none."""
        outcomes: dict[int, Outcome] = {}
        together: dict[bool, Places] = {}
        for at, request in enumerate(requests):
            if request.condition == ALWAYS and request.still is None and _fits(request):
                together.setdefault(request.bypass_governance, []).append((at, request))
            else:
                outcomes[at] = await self._delete_alone(bucket, request)
        for bypass, places in together.items():
            for start in range(0, len(places), _MOST_AT_ONCE):
                batch = places[start : start + _MOST_AT_ONCE]
                outcomes |= await self._delete_batch(bucket, batch, bypass=bypass)
        return [outcomes[at] for at in range(len(requests))]

    async def _delete_alone(self, bucket: str, request: DeleteRequest) -> Outcome:
        try:
            return await self.delete_object(bucket, request)
        except BucketNotFound:
            raise
        except StorageError as error:
            return error

    async def _delete_batch(
        self, bucket: str, batch: Places, *, bypass: bool
    ) -> dict[int, Outcome]:
        params: dict[str, Any] = {"BypassGovernanceRetention": True} if bypass else {}
        place = Place(bucket)
        async with self._remote.client(place) as s3:
            answer: Any = await s3.delete_objects(
                Bucket=bucket,
                Delete={"Objects": [_identified(request) for _, request in batch]},
                **params,
            )
        done = {_key_of(row): _deletion(row) for row in answer.get("Deleted", ())}
        failed = {_key_of(row): row for row in answer.get("Errors", ())}
        outcomes: dict[int, Outcome] = {}
        for at, request in batch:
            key = request.name, request.version or ""
            if key in failed:
                outcomes[at] = self._remote.listed_error(
                    failed[key], Place(bucket, request.name, request.version)
                )
            else:
                unsaid = Deletion(True, request.version or NULL_VERSION)
                outcomes[at] = done.get(key, unsaid)
        return outcomes


def _fits(request: DeleteRequest) -> bool:
    return not _NOT_XML.search(request.name)


def _identified(request: DeleteRequest) -> Any:
    if request.version is None:
        return {"Key": request.name}
    return {"Key": request.name, "VersionId": request.version}


def _key_of(row: Mapping[str, Any]) -> tuple[str, str]:
    return row.get("Key", ""), row.get("VersionId", "")


def _deletion(row: Mapping[str, Any]) -> Deletion:
    marker = bool(row.get("DeleteMarker"))
    version = row.get("DeleteMarkerVersionId") or row.get("VersionId") or NULL_VERSION
    return Deletion(True, version, marker)
