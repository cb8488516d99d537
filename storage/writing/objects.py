"""New objects from bodies.

Small bodies go into the index (`Inline`), others into one blob (`Single`) or several (`Chunked`).
"""

from __future__ import annotations

from storage.blobs.chunked_writing import Subject
from storage.blobs.labels import ObjectLabel
from storage.blobs.location import digest_of
from storage.blobs.writing import Blocks
from storage.chunking import Cutting
from storage.cipher import INLINE, FrameCipher, check_key
from storage.clock import Clock
from storage.index.mutations import PutObject
from storage.index.rows import Chunk, Empty, Inline, Location, Row, Single
from storage.index.versions import Bucket, new_version
from storage.values import NULL_VERSION, Body, ObjectInfo, PutOptions, Sealed
from storage.writing.destination import Destination
from storage.writing.writers import Writers


class ObjectBodies:
    """Objects of at most `inline_limit` bytes live in the index; `clock` has their times."""

    def __init__(self, writers: Writers, clock: Clock, inline_limit: int) -> None:
        self._writers = writers
        self._clock = clock
        self._inline_limit = inline_limit

    async def put(
        self, to: Destination, bucket: Bucket, name: str, body: Body, options: PutOptions
    ) -> ObjectInfo:
        """As `Backend.put_object`."""
        check_key(options.data_key, options.attributes)
        self._writers.require_room(to.place, options.size or 0)
        cutting = options.chunks.cutting(options.size) if options.chunks else None
        blocks = Blocks(body, options.data_key, next(cutting.sizes) if cutting else None)
        first = await blocks.next()
        fits = len(first) <= self._inline_limit
        if fits and (cutting is None or len(first) < max(cutting.whole_below, 1)):
            return await self._put_inline(to, bucket, name, first, options)

        def row(size: int, place: Location) -> Row:
            # A candidate, for the label to have it.
            version = new_version(bucket.info.versioning)
            return self._row(size, options.digest.seal(), options, place, version)

        subject = Subject(bucket, bucket.info.owner, name, row)
        if cutting is not None:
            return await self._put_chunked(to, subject, first, blocks, options, cutting)

        def label(chunk: Chunk) -> ObjectLabel:
            made = row(blocks.size_in(chunk), Single(chunk))
            return ObjectLabel(bucket.label, bucket.info.owner, name, made)

        async with self._writers.blob(to.place, self._writers.work_file(to.place)) as writer:
            stored = (await writer.store(first, blocks, options.digest, label)).row
            made = await stored.agreed(options.before_commit)
            put = PutObject(bucket, name, made, None, options.condition)
            return await to.commit(put, writer.hand_over())

    async def _put_chunked(
        self,
        to: Destination,
        subject: Subject,
        first: bytes,
        blocks: Blocks,
        options: PutOptions,
        cutting: Cutting,
    ) -> ObjectInfo:
        async with self._writers.chunked(to.place) as writer:
            row, payload = await writer.write(first, blocks, options.digest, subject, cutting)
            row = await row.agreed(options.before_commit)
            put = PutObject(subject.bucket, subject.name, row, payload, options.condition)
            return await to.commit(put, writer.hand_over())

    async def _put_inline(
        self, to: Destination, bucket: Bucket, name: str, content: bytes, options: PutOptions
    ) -> ObjectInfo:
        options.digest.update(content)
        size = len(content)
        if content and options.data_key is not None:
            content = FrameCipher(options.data_key, INLINE).seal(content, 0, last=True)
        location = Inline(digest_of(content)) if content else Empty()
        row = self._row(size, options.digest.seal(), options, location)
        row = await row.agreed(options.before_commit)
        return await to.commit(PutObject(bucket, name, row, content or None, options.condition))

    def _row(
        self,
        size: int,
        sealed: Sealed,
        options: PutOptions,
        location: Location,
        version: str = NULL_VERSION,
    ) -> Row:
        return Row(
            size,
            sealed.etag,
            self._clock.now_ns() if options.modified_ns is None else options.modified_ns,
            options.attributes,
            location,
            sealed.checksum,
            version=version,
        )
