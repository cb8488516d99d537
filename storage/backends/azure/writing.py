"""Writing objects and changing their attributes.

A body of at most one block is one Put Blob; a larger one is sent in blocks, a few of them in
memory, and becomes an object when its digest has sealed it and they are committed. What breaks
before shows nothing: Azure drops such blocks with the next write of that name, or after a week.

Azure has no way to have two writes of one name in blocks at once: who commits first drops the
other's blocks, and the other is unavailable for that time.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from storage.backend import Change
from storage.backends.azure.block_sender import BlockSender
from storage.backends.azure.blocks import Block, commit_document
from storage.backends.azure.facts import (
    NOTHING_BESIDES,
    Besides,
    attribute_headers,
    besides_of,
    content_headers,
    info_of,
    metadata_headers,
    quoted,
    tier_headers,
)
from storage.backends.azure.guarding import Guard, guarded, write_guard
from storage.backends.azure.options import MOST_BLOCK_BYTES, MOST_BLOCKS
from storage.backends.azure.place import PROVIDER, Place
from storage.backends.azure.reading import ObjectReader
from storage.backends.azure.service import Request, Service
from storage.backends.sending import Cutter
from storage.conditions import check_write
from storage.errors import BackendError, BackendUnavailable, NotSupported
from storage.values import (
    UPDATE_CURRENT,
    Attributes,
    Body,
    BodyDigest,
    ObjectInfo,
    PutOptions,
    Sealed,
    UpdateOptions,
)

_MIB = 1 << 20


class Md5Along:
    """A digest that also computes the MD5 that Azure compares."""

    def __init__(self, inner: BodyDigest) -> None:
        self._inner = inner
        self._sum = hashlib.md5(usedforsecurity=False)

    @property
    def md5(self) -> bytes:
        return self._sum.digest()

    def update(self, block: bytes) -> None:
        self._inner.update(block)
        self._sum.update(block)

    def seal(self) -> Sealed:
        return self._inner.seal()


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
        check_attributes(options.attributes)
        place, block_bytes = Place(bucket, name), self._block_bytes(options.size)
        digest = Md5Along(options.digest)
        cutter = Cutter(body, digest)
        first = await cutter.cut(block_bytes)
        if first.last:
            return await self._put_whole(place, first.content, digest, options)
        blocks = await BlockSender(self._service, place, block_bytes).send_all(first, cutter)
        besides = Besides(checksum=digest.seal().checksum)
        headers = attribute_headers(options.attributes, besides)
        headers["x-ms-blob-content-md5"] = b64encode(digest.md5).decode()
        guard = await write_guard(self._reader, place, options.condition)
        made = Commit(blocks, headers, guard)
        return await commit(self._service, guarded(place, guard), made)

    async def _put_whole(
        self, place: Place, content: bytes, digest: Md5Along, options: PutOptions
    ) -> ObjectInfo:
        besides = Besides(checksum=digest.seal().checksum)
        headers = attribute_headers(options.attributes, besides)
        guard = await write_guard(self._reader, place, options.condition)
        request = Request(
            "PUT",
            headers={
                **headers,
                **guard,
                "content-md5": b64encode(digest.md5).decode(),
                "x-ms-blob-type": "BlockBlob",
            },
            content=lambda: content,
            size=len(content),
            once=bool(guard),
        )
        answer = await self._service.send(guarded(place, guard), request)
        headers["x-ms-blob-content-md5"] = request.headers["content-md5"]
        return written(place.name, len(content), answer.headers, headers)

    def _block_bytes(self, size: int | None) -> int:
        """Large enough for the number of blocks that Azure allows, in whole MiB."""
        usual, least = self._service.options.block_bytes, -(-(size or 0) // MOST_BLOCKS)
        return usual if least <= usual else min(-(-least // _MIB) * _MIB, MOST_BLOCK_BYTES)

    async def update_object(
        self, bucket: str, name: str, change: Change, options: UpdateOptions = UPDATE_CURRENT
    ) -> ObjectInfo:
        """Azure changes content headers, metadata and the tier in a request each, all under the
        ETag of the one before; what a change does not need is not sent. If a later one fails, the
        earlier ones stay."""
        if options.version is not None:
            raise NotSupported("versions", PROVIDER)
        place = Place(bucket, name)
        headers = await self._reader.look_at_headers(place)
        info = info_of(name, headers, int(headers["content-length"]))
        check_write(options.condition, name, info)
        attributes = change(info.attributes)
        check_attributes(attributes)
        if attributes == info.attributes and not options.touch:
            return info
        old = info.attributes
        etag = info.etag
        if (content := content_headers(attributes)) != content_headers(old):
            if md5 := headers.get("content-md5"):
                content["x-ms-blob-content-md5"] = md5
            etag = await self._set(place, "properties", content, etag)
        besides = besides_of(headers)
        kept = metadata_headers(attributes, besides)
        if options.touch or kept != metadata_headers(old, besides):
            etag = await self._set(place, "metadata", kept, etag)
        tier = tier_headers(replace(old, storage_class=attributes.storage_class))
        if attributes.storage_class != old.storage_class:
            await self._set(place, "tier", tier or {"x-ms-access-tier": "Hot"}, "")
        return await self._reader.look(place)

    async def _set(self, place: Place, what: str, headers: Mapping[str, str], etag: str) -> str:
        """Return the ETag that the object has then. A tier has no condition."""
        if etag:
            headers = {**headers, "if-match": quoted(etag)}
        answer = await self._service.send(
            place, Request("PUT", {"comp": what}, headers, once=bool(etag))
        )
        return answer.headers.get("etag", "").strip('"')


class Commit(Struct, frozen=True):
    """What becomes an object; `once`: blocks that were committed are not there for another one."""

    blocks: Sequence[Block]
    headers: Mapping[str, str]
    guard: Guard
    once: bool = False

    @property
    def size(self) -> int:
        return sum(block.size for block in self.blocks)


async def commit(service: Service, place: Place, made: Commit) -> ObjectInfo:
    """Raise `BackendUnavailable` with one of `BLOCKS_GONE` if another write dropped the blocks."""
    document = commit_document(made.blocks, "Uncommitted" if made.once else "Latest")
    md5 = hashlib.md5(document, usedforsecurity=False).digest()
    request = Request(
        "PUT",
        {"comp": "blocklist"},
        {**made.headers, **made.guard, "content-md5": b64encode(md5).decode()},
        content=lambda: document,
        size=len(document),
        once=made.once or bool(made.guard),
    )
    try:
        answer = await service.send(place, request)
    except BackendError as error:
        if error.code in BLOCKS_GONE:
            reason = "another write of it dropped the blocks"
            raise BackendUnavailable(str(place), error.code, reason) from None
        raise
    return written(place.name, made.size, answer.headers, made.headers)


# What Azure answers if a block is not there.
BLOCKS_GONE = ("InvalidBlockList", "InvalidBlobOrBlock")


def written(name: str, size: int, answer: Mapping[str, str], sent: Mapping[str, str]) -> ObjectInfo:
    """Return what a HEAD would say of the object just written."""
    facts = {key.removeprefix("x-ms-blob-"): value for key, value in sent.items()}
    facts |= {key: answer.get(key, "") for key in ("etag", "last-modified")}
    return info_of(name, facts, size)


def check_attributes(attributes: Attributes) -> None:
    """Raise `NotSupported` for those that would get lost, though their writer relies on them, and
    `BackendError` for too many."""
    metadata_headers(attributes, NOTHING_BESIDES)
    if attributes.lock is not None:
        raise NotSupported("locking", PROVIDER)
    if attributes.encryption is not None:
        raise NotSupported("encryption", PROVIDER)
