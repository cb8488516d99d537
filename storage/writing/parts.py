"""Multipart uploads: each part is a blob, and completion copies no byte.

Completion writes a sidecar blob with the manifest, and then is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from storage import failpoints
from storage.blobs.labels import PartLabel, SidecarLabel
from storage.blobs.writing import Blocks
from storage.cipher import check_key
from storage.clock import Clock
from storage.errors import PartNotFound, UploadNotFound
from storage.index.rows import Chunk, Chunked, Manifest, PartRow, Row
from storage.index.upload_mutations import CompleteUpload, PartsChanged, PutPart
from storage.index.versions import Bucket, new_version
from storage.values import (
    Body,
    CompleteOptions,
    ObjectInfo,
    PartInfo,
    PartOptions,
    Sealed,
    UploadInfo,
)
from storage.writing.destination import Destination
from storage.writing.writers import Writers


class UploadChanged(Exception):
    """A chosen part was replaced meanwhile, or the upload has ended: look at it once more."""


class UploadBodies:
    def __init__(self, writers: Writers, clock: Clock) -> None:
        self._writers = writers
        self._clock = clock

    async def put_part(
        self,
        to: Destination,
        bucket: Bucket,
        upload: UploadInfo,
        number: int,
        body: Body,
        options: PartOptions,
    ) -> PartInfo:
        """As `Backend.put_part`."""
        check_key(options.data_key, upload.attributes)
        self._writers.require_room(to.place, 0)
        digest, name = options.digest, upload.name
        blocks = Blocks(body, options.data_key)
        first = await blocks.next()
        if not first:
            part = PartRow(self._part_info(number, 0, digest.seal()), None)
            if options.before_commit is not None:
                await options.before_commit()
            await to.commit(PutPart(bucket, name, upload.id, part))
            return part.info

        def label(chunk: Chunk) -> PartLabel:
            info = self._part_info(number, blocks.size_in(chunk), digest.seal())
            return PartLabel(bucket.label, name, upload.id, PartRow(info, chunk))

        async with self._writers.blob(to.place, self._writers.work_file(to.place)) as writer:
            part = (await writer.store(first, blocks, digest, label)).part
            if options.before_commit is not None:
                await options.before_commit()
            await to.commit(PutPart(bucket, name, upload.id, part), writer.hand_over())
        return part.info

    def _part_info(self, number: int, size: int, sealed: Sealed) -> PartInfo:
        return PartInfo(number, size, sealed.etag, self._clock.now_ns(), sealed.checksum)

    async def complete(
        self,
        to: Destination,
        bucket: Bucket,
        upload: UploadInfo,
        assembled: tuple[Sealed, Manifest],
        options: CompleteOptions,
    ) -> ObjectInfo:
        """Raises `UploadChanged`, and as `Backend.complete_upload`."""
        sealed, manifest = assembled
        file = self._writers.work_file(to.place)
        row = self._completed_row(upload, sealed, manifest, file.id, options)
        # A candidate, for the label to have it.
        row = msgspec.structs.replace(row, version=new_version(bucket.info.versioning))
        label = SidecarLabel(bucket.label, bucket.info.owner, upload.name, row, manifest)
        async with self._writers.blob(to.place, file) as writer:
            await writer.place(label)
            failpoints.hit("complete_after_sidecar")
            row = await row.agreed(options.before_commit)
            complete = CompleteUpload(bucket, upload, row, manifest, options.condition)
            try:
                return await to.commit(complete, writer.hand_over())
            except (PartsChanged, UploadNotFound) as error:
                raise UploadChanged from error

    def _completed_row(
        self,
        upload: UploadInfo,
        sealed: Sealed,
        manifest: Manifest,
        sidecar: str,
        options: CompleteOptions,
    ) -> Row:
        sizes = [part.info.size for part in manifest.parts]
        modified_ns = options.modified_ns
        return Row(
            sum(sizes),
            sealed.etag,
            self._clock.now_ns() if modified_ns is None else modified_ns,
            upload.attributes,
            Chunked(sidecar, len(sizes), max(sizes, default=0)),
            sealed.checksum,
            0 if options.whole else len(sizes),
        )


def assemble(
    upload: UploadInfo, stored: Mapping[int, PartRow], options: CompleteOptions
) -> tuple[Sealed, Manifest]:
    """Seal the chosen ones of the stored parts. The transaction checks that they are still the
    same. Raises `PartNotFound`, and what `options.assemble` raises."""
    for number in options.numbers:
        if number not in stored:
            raise PartNotFound(number)
    manifest = Manifest(tuple(stored[number] for number in options.numbers))
    return options.assemble(upload, [part.info for part in manifest.parts]), manifest
