"""Rechunking: finished objects are rewritten in chunks of another size.

The bytes are verified as they are read, and written to new blobs. The commit exchanges the blobs,
but only if the version still has the old ones; other changes made to it meanwhile stay.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing

import msgspec

from storage.blobs.batches import FoundObject
from storage.blobs.chunked_writing import Subject
from storage.blobs.location import digest_of, locate
from storage.blobs.reader import BlobReader
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
from storage.values import Body, PartInfo, ReadOptions, Sealed, Stream
from storage.writing.destination import Destination
from storage.writing.writers import Writers


class _Rewritten(WithSecretFields, frozen=True):
    """A version as it is read; `data_key` is None for one in the clear."""

    secret_fields = frozenset({"data_key"})

    to: Destination
    bucket: Bucket
    name: str
    found: FoundObject
    data_key: bytes | None

    @property
    def uploaded(self) -> tuple[PartInfo, ...]:
        _, row, payload = self.found
        return decode_manifest(payload).uploads() if row.parts and payload else ()

    def moved(self, size: int, place: Location) -> Row:
        row = self.found.row
        if size != row.size:
            raise Corrupt(f"{self.bucket.info.name}/{self.name}: {size} bytes of {row.size}")
        return msgspec.structs.replace(row, location=place, label="", mountpath="")

    def change(self, new: Row, payload: bytes | None) -> RechunkObject:
        _, old, old_payload = self.found
        return RechunkObject(self.bucket, self.name, old, old_payload, new, payload)


class _Unwatched:
    """The digest of bytes whose digest is known: each was verified when it was read."""

    def update(self, block: bytes) -> None:
        """Do nothing."""

    def seal(self) -> Sealed:
        raise AssertionError("the object has its ETag")


class Rewriter:
    def __init__(self, bodies: BlobReader, writers: Writers, inline_limit: int) -> None:
        self._bodies = bodies
        self._writers = writers
        self._inline_limit = inline_limit

    async def rechunk(
        self,
        to: Destination,
        bucket: Bucket,
        name: str,
        found: FoundObject,
        chunks: Chunking,
        options: ReadOptions,
    ) -> bool:
        """As `Backend.rechunk_object`, of the version that was found."""
        _, row, payload = found
        info = row.info(name)
        check_read(options.condition, info)
        if _layout_of(row, payload) == chunks.layout(row.size, row.size):
            return False
        data_key = await unlocked(info, options.unlock)
        rewritten = _Rewritten(to, bucket, name, found, data_key)
        async with AsyncExitStack() as stack:
            body = await self._whole(rewritten)
            if not isinstance(body, bytes):
                await stack.enter_async_context(aclosing(body))
            await self._rewrite(rewritten, _pieces(body), chunks)
        return True

    async def _whole(self, it: _Rewritten) -> bytes | Stream:
        folder, row, payload = it.found
        body = locate(row, payload, Between(0, row.size), it.data_key)
        if isinstance(body, bytes):
            return body
        try:
            return await self._bodies.read(folder, body)
        except Vanished:
            raise ObjectChanged(it.name) from None

    async def _rewrite(self, it: _Rewritten, body: Body, chunks: Chunking) -> None:
        size = it.found.row.size
        cutting, uploaded = chunks.cutting(size), it.uploaded
        if cutting is None and not uploaded and size <= self._inline_limit:
            await self._put_inline_again(it, body)
        else:
            await self._put_blobs(it, body, uploaded, cutting or uncut())

    async def _put_inline_again(self, it: _Rewritten, body: Body) -> None:
        content = b"".join([piece async for piece in body])
        size = len(content)
        if it.data_key is not None:
            content = FrameCipher(it.data_key, INLINE).seal(content, 0, last=True)
        new = it.moved(size, Inline(digest_of(content)))
        await it.to.commit(it.change(new, content))

    async def _put_blobs(
        self, it: _Rewritten, body: Body, uploaded: tuple[PartInfo, ...], cutting: Cutting
    ) -> None:
        blocks = Blocks(body, it.data_key, next(cutting.sizes, None))
        owner = it.bucket.info.owner
        subject = Subject(it.bucket, owner, it.name, it.moved, uploaded)
        async with self._writers.chunked(it.to.place) as writer:
            first = await blocks.next()
            new, payload = await writer.write(first, blocks, _Unwatched(), subject, cutting)
            await it.to.commit(it.change(new, payload), writer.hand_over())


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
