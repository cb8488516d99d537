"""Deleting objects: one request for each, several at a time.

A batch of the JSON API holds a hundred requests, and counts as so many. It saves connections, but
those stay open here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from storage.backends.deleting import Outcome, delete_in_turns
from storage.backends.gcp.facts import object_path
from storage.backends.gcp.guarding import GENERATION, current_object
from storage.backends.gcp.place import PROVIDER, Place
from storage.backends.gcp.reading import ObjectReader, generation_of
from storage.backends.gcp.remote import Remote
from storage.conditions import check_write
from storage.errors import (
    NotSupported,
    ObjectNotFound,
    VersionNotFound,
)
from storage.values import ALWAYS, NULL_VERSION, DeleteRequest, Deletion


class ObjectDeleter:
    def __init__(self, remote: Remote, reader: ObjectReader) -> None:
        self._remote = remote
        self._reader = reader

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        """Where Cloud Storage keeps versions, the object becomes an older one, without a marker."""
        place = Place(bucket, request.name, request.version)
        if request.still is not None:
            raise NotSupported("deleting a version by what it still is", PROVIDER)
        params = generation_of(place)
        if request.condition != ALWAYS:
            current = await current_object(self._reader, place)
            if current is None:
                raise ObjectNotFound(place.name)
            check_write(request.condition, place.name, current.info)
            params[GENERATION] = str(current.generation)
        repeats = GENERATION not in params
        try:
            path = object_path(bucket, request.name)
            await self._remote.call(place, "DELETE", path, params=params, repeats=repeats)
        except (ObjectNotFound, VersionNotFound):
            if request.condition != ALWAYS:
                raise ObjectNotFound(place.name) from None
            return Deletion(False, request.version or NULL_VERSION)
        return Deletion(True, request.version or NULL_VERSION)

    async def delete_objects(self, bucket: str, requests: Sequence[DeleteRequest]) -> list[Outcome]:
        """Requests of one name take turns, in their order."""
        at_once = self._remote.options.deletions_at_once
        return await delete_in_turns(requests, at_once, partial(self.delete_object, bucket))
