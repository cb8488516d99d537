"""Rechunking: finished objects are rewritten in chunks of another size.

The bytes are verified as they are read, and written to new blobs. The commit exchanges the blobs,
but only if the version still has the old ones; other changes made to it meanwhile stay.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing

import msgspec

from storage.backends.local.disk import Disk
from storage.backends.local.disks import Disks
from storage.backends.local.object_reader import ObjectReader
from storage.backends.local.writers import Writers
from storage.blobs.chunked_writing import Subject
from storage.blobs.location import digest_of, locate
from storage.blobs.reading import Vanished
from storage.blobs.writing import Blocks
from storage.chunking import Chunking, Cutting, uncut
from storage.cipher import INLINE, FrameCipher, unlocked
from storage.conditions import check_read
from storage.errors import Corrupt, ObjectChanged
from storage.index.mutations import RechunkObject
from storage.index.rows import Chunked, Inline, Location, Row, decode_manifest
from storage.index.versions import Bucket
from storage.ranges import Between
from storage.secret_fields import WithSecretFields
from storage.values import READ_ALL, Body, PartInfo, ReadOptions, Sealed, Stream


class _Found(WithSecretFields, frozen=True):
    """A version as it is read; `data_key` is None for one in the clear."""

    secret_fields = frozenset({"data_key"})

    disk: Disk
    bucket: Bucket
    name: str
    row: Row
    payload: bytes | None
    data_key: bytes | None

    @property
    def uploaded(self) -> tuple[PartInfo, ...]:
        return decode_manifest(self.payload).uploads() if self.row.parts and self.payload else ()

    def moved(self, size: int, place: Location) -> Row:
        if size != self.row.size:
            raise Corrupt(f"{self.bucket.info.name}/{self.name}: {size} bytes of {self.row.size}")
        return msgspec.structs.replace(self.row, location=place, label="", mountpath="")

    def change(self, new: Row, payload: bytes | None) -> RechunkObject:
        return RechunkObject(self.bucket, self.name, self.row, self.payload, new, payload)


class _Unwatched:
    """The digest of bytes whose digest is known: each was verified when it was read."""

    def update(self, block: bytes) -> None:
        """Do nothing."""

    def seal(self) -> Sealed:
        raise AssertionError("the object has its ETag")


class Rechunker:
    def __init__(
        self, disks: Disks, reader: ObjectReader, writers: Writers, inline_limit: int
    ) -> None:
        self._disks = disks
        self._reader = reader
        self._writers = writers
        self._inline_limit = inline_limit

    async def rechunk_object(
        self, bucket: str, name: str, chunks: Chunking, options: ReadOptions = READ_ALL
    ) -> bool:
        home = self._disks.bucket(bucket)
        disk = self._disks.home(home, name)
        row, payload = disk.open(disk.where(home), name, options.version)
        info = row.info(name)
        check_read(options.condition, info)
        if _layout_of(row, payload) == chunks.layout(row.size, row.size):
            return False
        found = _Found(disk, home, name, row, payload, await unlocked(info, options.unlock))
        async with AsyncExitStack() as stack:
            body = await self._whole(found)
            if not isinstance(body, bytes):
                await stack.enter_async_context(aclosing(body))
            await self._rewrite(found, _pieces(body), chunks)
        return True

    async def _whole(self, found: _Found) -> bytes | Stream:
        body = locate(found.row, found.payload, Between(0, found.row.size), found.data_key)
        if isinstance(body, bytes):
            return body
        try:
            return await self._reader.read(self._disks.blobs_of(found.disk, found.row), body)
        except Vanished:
            raise ObjectChanged(found.name) from None

    async def _rewrite(self, found: _Found, body: Body, chunks: Chunking) -> None:
        cutting, uploaded = chunks.cutting(found.row.size), found.uploaded
        if cutting is None and not uploaded and found.row.size <= self._inline_limit:
            await self._put_inline_again(found, body)
        else:
            await self._put_blobs(found, body, uploaded, cutting or uncut())

    async def _put_inline_again(self, found: _Found, body: Body) -> None:
        content = b"".join([piece async for piece in body])
        size = len(content)
        if found.data_key is not None:
            content = FrameCipher(found.data_key, INLINE).seal(content, 0, last=True)
        new = found.moved(size, Inline(digest_of(content)))
        await found.disk.committer.run(found.change(new, content))

    async def _put_blobs(
        self, found: _Found, body: Body, uploaded: tuple[PartInfo, ...], cutting: Cutting
    ) -> None:
        blocks = Blocks(body, found.data_key, next(cutting.sizes, None))
        owner = found.bucket.info.owner
        subject = Subject(found.bucket, owner, found.name, found.moved, uploaded)
        async with self._writers.chunked(found.disk) as writer:
            first = await blocks.next()
            new, payload = await writer.write(first, blocks, _Unwatched(), subject, cutting)
            await found.disk.committer.run(found.change(new, payload), writer.hand_over())


def _layout_of(row: Row, payload: bytes | None) -> list[int]:
    """The sizes of its chunks; empty for an object in one piece."""
    if not isinstance(row.location, Chunked) or not row.location.count or payload is None:
        return []
    return [chunk.info.size for chunk in decode_manifest(payload).parts]


async def _pieces(body: bytes | Stream) -> Body:
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece
