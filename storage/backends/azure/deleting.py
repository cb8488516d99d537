"""Deleting objects, a few at a time.

An object with snapshots is not deleted: Azure would delete those copies with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from storage.backends.azure.facts import quoted
from storage.backends.azure.guarding import current_object
from storage.backends.azure.place import PROVIDER, Place
from storage.backends.azure.reading import ObjectReader
from storage.backends.azure.service import Request, Service
from storage.backends.deleting import Outcome, delete_in_turns
from storage.conditions import check_write
from storage.errors import NotSupported, ObjectNotFound
from storage.values import ALWAYS, Condition, DeleteRequest, Deletion

_AT_ONCE = 16


class ObjectDeleter:
    def __init__(self, service: Service, reader: ObjectReader) -> None:
        self._service = service
        self._reader = reader

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        _check_versions(request)
        place, guard = Place(bucket, request.name), {}
        if request.condition not in (ALWAYS, Condition()):
            guard = await self._guard(place, request.condition)
        try:
            await self._service.send(place, Request("DELETE", headers=guard, once=bool(guard)))
        except ObjectNotFound:
            if guard:
                raise
            return Deletion(existed=False)
        return Deletion(existed=True)

    async def _guard(self, place: Place, condition: Condition) -> dict[str, str]:
        current = await current_object(self._reader, place)
        if current is None:
            raise ObjectNotFound(place.name)
        check_write(condition, place.name, current)
        return {"if-match": quoted(current.etag)}

    async def delete_objects(self, bucket: str, requests: Sequence[DeleteRequest]) -> list[Outcome]:
        """Requests of one name take turns."""
        _check_versions(*requests)
        return await delete_in_turns(requests, _AT_ONCE, partial(self.delete_object, bucket))


def _check_versions(*requests: DeleteRequest) -> None:
    if any(request.version is not None or request.still is not None for request in requests):
        raise NotSupported("versions", PROVIDER)
