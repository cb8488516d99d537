"""The write path of an object in chunks.

Every blob is durable under its label before the next one is begun, and the sidecar comes last, as
when an upload is completed. Each leaves its file in `work` until the index has the object, so that
after a crash these name all that is in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from msgspec import Struct

from storage.blobs.labels import ObjectLabel, PartLabel, SidecarLabel
from storage.blobs.work_file import WorkFile, WorkFiles
from storage.blobs.writing import BlobWriter, Blocks
from storage.chunking import Cutting
from storage.index.rows import Chunk, Chunked, Location, Manifest, PartRow, Row, Single, encode
from storage.index.versions import Bucket
from storage.values import BodyDigest, PartInfo


class Subject(Struct, frozen=True):
    """What is written. `row` makes the row of so many bytes in that place, once and after the last
    byte; `uploaded` are the parts that a client sees of it, if it was uploaded in parts."""

    bucket: Bucket
    owner: str
    name: str
    row: Callable[[int, Location], Row]
    uploaded: tuple[PartInfo, ...] = ()


class ChunkedWriter:
    """Writes one body. Leaving the `async with` discards its files unless they were handed over to
    the committer."""

    def __init__(
        self,
        threads: Executor,
        new_file: Callable[[], WorkFile],
        writer: Callable[[WorkFile], BlobWriter],
    ) -> None:
        self._threads = threads
        self._new_file = new_file
        self._writer = writer
        self._files = WorkFiles()
        self._sidecar = new_file()
        self._chunks: list[PartRow] = []
        self._handed_over = False

    async def __aenter__(self) -> ChunkedWriter:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if not self._handed_over:
            discard = self._threads.submit(self._files.discard)
            await asyncio.shield(asyncio.wrap_future(discard))

    def hand_over(self) -> WorkFiles:
        """From here on the committer keeps or discards the files."""
        self._handed_over = True
        return self._files

    async def write(
        self, first: bytes, blocks: Blocks, digest: BodyDigest, subject: Subject, cutting: Cutting
    ) -> tuple[Row, bytes | None]:
        """The row and its payload. `first` was taken up to the first border of `cutting`."""

        def label(chunk: Chunk) -> ObjectLabel | PartLabel:
            size = blocks.size_in(chunk)
            if self._is_whole(size, subject, cutting):
                row = subject.row(size, Single(chunk))
                return ObjectLabel(subject.bucket.label, subject.owner, subject.name, row)
            part = PartRow(PartInfo(len(self._chunks) + 1, size, "", 0), chunk)
            return PartLabel(subject.bucket.label, subject.name, self._sidecar.id, part)

        block = first
        while block:
            async with self._writer(self._new_file()) as writer:
                made = await writer.store(block, blocks, digest, label)
                self._files.add(writer.hand_over())
            if isinstance(made, ObjectLabel):
                return made.row, None
            self._chunks.append(made.part)
            blocks.left = next(cutting.sizes, None)
            block = await blocks.next()
        return await self._finish(subject, cutting)

    def _is_whole(self, size: int, subject: Subject, cutting: Cutting) -> bool:
        return not self._chunks and not subject.uploaded and size < cutting.whole_below

    async def _finish(self, subject: Subject, cutting: Cutting) -> tuple[Row, bytes | None]:
        sizes = [chunk.info.size for chunk in self._chunks]
        count = len(sizes) if sum(sizes) >= cutting.whole_below else 0
        place = Chunked(self._sidecar.id, count, max(sizes) if count else 0)
        row = subject.row(sum(sizes), place)
        manifest = Manifest(tuple(self._chunks), subject.uploaded)
        async with self._writer(self._sidecar) as writer:
            label = SidecarLabel(subject.bucket.label, subject.owner, subject.name, row, manifest)
            await writer.place(label)
            self._files.add(writer.hand_over())
        return row, encode(manifest)
