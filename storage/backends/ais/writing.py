"""Writing and deleting objects.

AIStore has no conditions: the object is looked at just before. Its metadata are a second request,
since a PUT takes none; if that fails, the object is there without them, and the write has failed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial

import xxhash
from msgspec.structs import replace

from storage.backend import Change
from storage.backends.ais.facts import custom_of, info_of, sum_of
from storage.backends.ais.place import PROVIDER, Place, place_of
from storage.backends.ais.reading import ObjectReader
from storage.backends.ais.service import Answer, Request, Service, object_path
from storage.backends.deleting import delete_in_turns
from storage.conditions import check_write
from storage.errors import (
    Corrupt,
    NotSupported,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
)
from storage.values import (
    ALWAYS,
    UPDATE_CURRENT,
    Body,
    BodyDigest,
    Condition,
    DeleteRequest,
    Deletion,
    ObjectInfo,
    PutOptions,
    UpdateOptions,
)

_XXHASH = ("xxhash", "xxhash2")
_CUSTOM = {"set-new-custom": "true"}


class ObjectWriter:
    def __init__(self, service: Service, reader: ObjectReader) -> None:
        self._service = service
        self._reader = reader

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        if options.chunks is not None:
            raise NotSupported("chunks", PROVIDER)
        if options.data_key is not None:
            raise NotSupported("encryption", PROVIDER)
        custom = custom_of(options.attributes)
        place = place_of(bucket, name)
        await self._check(place, options.condition)
        source = _Source(body, options.digest)
        is_new = options.condition.if_none_match == ("*",)
        request = Request(
            "PUT",
            object_path(place),
            place.query,
            # Kept by s3gw; AIStore itself passes over it.
            {"if-none-match": "*"} if is_new else {},
            body=source.blocks(),
            size=options.size,
            once=True,
        )
        try:
            answer = await self._service.send(place, request)
        except PreconditionFailed:
            raise PreconditionFailed("If-None-Match") from None
        except StorageError:
            # What the body raised comes back as a connection that broke.
            if source.error is not None:
                raise source.error from None
            raise
        written = await self._written(place, source, answer)
        if custom:
            await self._set_custom(place, custom)
        attributes = replace(options.attributes, encryption=None, owner="", acl="", origin=None)
        return replace(written, attributes=attributes)

    async def _written(self, place: Place, source: _Source, answer: Answer) -> ObjectInfo:
        """Return the facts of what was written. Its checksum is that of the answer; the time is
        looked up, unless another write was faster. Raise `Corrupt` if it got there as something
        else."""
        found = sum_of(answer.headers)
        if found.type in _XXHASH and found.value != source.sum.hexdigest():
            raise Corrupt(f"{place}: its cluster has stored other bytes than were sent")
        info = info_of(place.name, source.size, answer.headers)
        there = await self._reader.look(place)
        if not found.value:
            return there
        same = there.etag == info.etag
        return replace(info, modified_ns=there.modified_ns) if same else info

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        if options.version is not None:
            raise NotSupported("versions", PROVIDER)
        place = place_of(bucket, name)
        old = await self._reader.look(place)
        check_write(options.condition, name, old)
        attributes = change(old.attributes)
        custom = custom_of(attributes)
        if attributes != old.attributes or options.touch:
            await self._set_custom(place, custom)
        return await self._reader.look(place)

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        _check_version(request)
        place = place_of(bucket, request.name)
        await self._check(place, request.condition)
        path = object_path(place)
        try:
            await self._service.send(place, Request("DELETE", path, place.query, once=True))
        except ObjectNotFound:
            if request.condition != ALWAYS:
                raise
            return Deletion(existed=False)
        return Deletion(existed=True)

    async def delete_objects(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[Deletion | StorageError]:
        for request in requests:
            _check_version(request)
        at_once = self._service.options.at_once
        return await delete_in_turns(requests, at_once, partial(self.delete_object, bucket))

    async def _check(self, place: Place, condition: Condition) -> None:
        """Raises `PreconditionFailed`, `ObjectNotFound`."""
        if condition == ALWAYS:
            return
        try:
            current = await self._reader.look(place)
        except ObjectNotFound:
            check_write(condition, place.name, None)
        else:
            check_write(condition, place.name, current)

    async def _set_custom(self, place: Place, custom: dict[str, str]) -> None:
        request = Request(
            "PATCH",
            object_path(place),
            {**place.query, **_CUSTOM},
            message={"action": "", "value": custom},
        )
        await self._service.send(place, request)


def _check_version(request: DeleteRequest) -> None:
    if request.version is not None or request.still is not None:
        raise NotSupported("versions", PROVIDER)


class _Source:
    """A body on its way. Its last block goes only when the digest has seen all and agrees; `error`
    is what the body or the digest raised."""

    def __init__(self, body: Body, digest: BodyDigest) -> None:
        self._body = body
        self._digest = digest
        self.size = 0
        self.sum = xxhash.xxh64()
        self.error: BaseException | None = None

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        held = b""
        try:
            async for block in self._body:
                if held:
                    yield held
                held = block
                self.size += len(block)
                self.sum.update(block)
                self._digest.update(block)
            self._digest.seal()
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise
        if held:
            yield held
