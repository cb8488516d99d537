"""Writing objects and changing their attributes.

A body of at most one piece is one request, with its CRC32C; a larger one is sent in pieces, one
after the other, and becomes an object when its digest has sealed it. What breaks before leaves
nothing.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any

from msgspec import Struct

from storage.backend import Change
from storage.backends.gcp import sums
from storage.backends.gcp.facts import (
    FIELDS,
    Resource,
    bucket_path,
    check_attributes,
    check_name,
    object_path,
    patch_of,
    resource_of,
)
from storage.backends.gcp.guarding import GENERATION, guarded, write_guard
from storage.backends.gcp.place import PROVIDER, Place
from storage.backends.gcp.reading import MOST_LOOKS, ObjectReader, generation_of
from storage.backends.gcp.remote import Remote, as_json
from storage.backends.gcp.resumable import ResumableUpload
from storage.backends.sending import Cutter, Piece
from storage.conditions import check_write
from storage.errors import Corrupt, NotSupported, ObjectChanged, PreconditionFailed, StorageError
from storage.values import (
    UPDATE_CURRENT,
    Attributes,
    Body,
    Checksum,
    ObjectInfo,
    PutOptions,
    UpdateOptions,
)

_JSON = "application/json; charset=UTF-8"
_UNKNOWN = "application/octet-stream"


class _Rewritten(Struct, frozen=True, rename="camel"):
    """A copy of a large object takes several requests."""

    done: bool = False
    rewrite_token: str = ""
    resource: Resource | None = None


class ObjectWriter:
    def __init__(self, remote: Remote, reader: ObjectReader) -> None:
        self._remote = remote
        self._reader = reader

    async def put_object(
        self, bucket: str, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        if options.chunks is not None:
            raise NotSupported("chunks", PROVIDER)
        if options.data_key is not None:
            raise NotSupported("encryption", PROVIDER)
        check_name(name)
        check_attributes(options.attributes)
        cutter = Cutter(body, options.digest)
        first = await cutter.cut(self._remote.options.piece_bytes)
        place = Place(bucket, name)
        if first.last:
            return (await self._put_whole(place, first.content, options)).info
        return (await self._put_pieces(place, first, cutter, options)).info

    async def _put_whole(self, place: Place, content: bytes, options: PutOptions) -> Resource:
        crc32c = _sealed_crc32c(options.digest.seal().checksum)
        resource = resource_of(options.attributes)
        resource["crc32c"] = crc32c or sums.shown(await sums.added(content))
        guard = await write_guard(self._reader, place, options.condition)
        boundary = token_hex(16)
        return await self._remote.ask(
            Resource,
            guarded(place, guard),
            "POST",
            _upload_path(place),
            params={"uploadType": "multipart", "name": place.name, "fields": FIELDS, **guard},
            headers={"content-type": f"multipart/related; boundary={boundary}"},
            body=_related(boundary, resource, content),
            repeats=not guard,
        )

    async def _put_pieces(
        self, place: Place, first: Piece, cutter: Cutter, options: PutOptions
    ) -> Resource:
        guard = await write_guard(self._reader, place, options.condition)
        place = guarded(place, guard)
        upload = await ResumableUpload.begin(
            self._remote,
            place,
            _upload_path(place),
            resource_of(options.attributes),
            {"name": place.name, **guard},
        )
        try:
            piece = first
            while not piece.last:
                await upload.send(piece.content)
                piece = await cutter.cut(self._remote.options.piece_bytes)
            options.digest.seal()
            made = await upload.finish(piece.content)
        except BaseException:
            await upload.abort()
            raise
        if made.crc32c and made.crc32c != upload.crc32c:
            await self._remove(place, made)
            raise Corrupt(f"{place}: not what was sent arrived")
        return made

    async def _remove(self, place: Place, made: Resource) -> None:
        """Remove what must not be read, if it is still there."""
        generation = str(made.generation)
        params = {"generation": generation, GENERATION: generation}
        try:
            path = object_path(place.bucket, place.name)
            await self._remote.call(place, "DELETE", path, params=params)
        except StorageError:
            return

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        """Attributes change in place. A new time or storage class needs a copy onto itself, which
        is a new generation."""
        place = Place(bucket, name, options.version)
        for _ in range(MOST_LOOKS):
            old = await self._reader.look(place)
            check_write(options.condition, name, old.info)
            attributes = change(old.info.attributes)
            check_attributes(attributes)
            if attributes == old.info.attributes and not options.touch:
                return old.info
            try:
                if options.touch or attributes.storage_class != old.storage_class:
                    return (await self._copy_onto_itself(place, old, attributes)).info
                return (await self._patch(place, old, attributes)).info
            except PreconditionFailed:
                continue
        raise ObjectChanged(str(place))

    async def _patch(self, place: Place, old: Resource, attributes: Attributes) -> Resource:
        return await self._remote.ask(
            Resource,
            place,
            "PATCH",
            object_path(place.bucket, place.name),
            params={"fields": FIELDS, **old.unchanged, **generation_of(place)},
            headers={"content-type": _JSON},
            body=as_json(patch_of(old, attributes)),
            repeats=False,
        )

    async def _copy_onto_itself(
        self, place: Place, old: Resource, attributes: Attributes
    ) -> Resource:
        if place.version is not None:
            raise NotSupported("changing what is not the current version", PROVIDER)
        path = object_path(place.bucket, place.name)
        resource = {"storageClass": attributes.storage_class, **resource_of(attributes)}
        params = {
            **old.unchanged,
            "ifSourceGenerationMatch": str(old.generation),
            "fields": f"done,rewriteToken,resource({FIELDS})",
        }
        while True:
            rewritten = await self._remote.ask(
                _Rewritten,
                place,
                "POST",
                f"{path}/rewriteTo{path.removeprefix('/storage/v1')}",
                params=params,
                headers={"content-type": _JSON},
                body=as_json(resource),
                repeats=False,
            )
            if rewritten.done and rewritten.resource is not None:
                return rewritten.resource
            if not rewritten.rewrite_token:
                raise ObjectChanged(str(place))
            params["rewriteToken"] = rewritten.rewrite_token


def _upload_path(place: Place) -> str:
    return f"/upload{bucket_path(place.bucket)}/o"


def _related(boundary: str, resource: dict[str, Any], content: bytes) -> bytes:
    """Return the resource and the bytes of an object as one body."""
    kind = _UNKNOWN
    head = (
        f"--{boundary}\r\ncontent-type: {_JSON}\r\n\r\n",
        f"\r\n--{boundary}\r\ncontent-type: {kind}\r\n\r\n",
        f"\r\n--{boundary}--\r\n",
    )
    return b"".join(
        [head[0].encode(), as_json(resource), head[1].encode(), content, head[2].encode()]
    )


def _sealed_crc32c(checksum: Checksum | None) -> str:
    """Return the checksum that the writer sent, if Cloud Storage can verify it."""
    return checksum.value if checksum is not None and checksum.algorithm == "CRC32C" else ""
